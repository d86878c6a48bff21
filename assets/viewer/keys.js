// The keys of the page: a dialog that lists them, opened by its button or by the question mark.
import { make } from '../shared/dom.js';
import { say } from '../shared/texts.js';

const KEYS = {
  '← →': 'slider',
  [say('keys.space')]: 'flip',
  P: 'present',
  Esc: 'close',
  '← ↑ → ↓': 'loupe',
  '← ↑ → ↓ + − , .': 'crop',
  '?': 'help',
};

// Whether a key is meant for what is being written or chosen, and not for the page.
export const isTyped = ({ target, ctrlKey, metaKey, altKey }) =>
  ctrlKey || metaKey || altKey || Boolean(target.closest?.('input:not([type=range]), textarea, select, dialog'));

export function keysIn(root) {
  const dialog = root.querySelector('.keys');
  for (const [keys, what] of Object.entries(KEYS)) {
    make('kbd', make('dt', dialog.querySelector('dl')), keys);
    make('dd', dialog.querySelector('dl'), say(`keys.${what}`));
  }
  root.querySelector('.help').addEventListener('click', () => dialog.showModal());
  document.addEventListener('keydown', (event) => {
    if (event.key === '?' && !isTyped(event) && !dialog.open) dialog.showModal();
  });
}
