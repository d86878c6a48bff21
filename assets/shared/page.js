// What the page needs before any drawing: a clipboard for Gradio's own buttons, the tab in the address, its language.
import { copyFromField, link } from './address.js';
import { language, say } from './texts.js';

if (!navigator.clipboard) Object.defineProperty(navigator, 'clipboard', { value: { writeText: copyFromField } });

// Gradio's events can call nothing but what is global (see fgsm/page/layout.py). It selects the first tab by itself,
// before the one that the address asks for has been opened.
window.fgsm = Object.assign(window.fgsm ?? {}, {
  selectTab: (tab) => {
    if (window.fgsm.opened) link({ tab });
  },
});

document.documentElement.lang = language;

// Gradio writes its own title when it has drawn the page, which may be later than this.
const keepTitle = () => {
  if (document.title !== say('page.title')) document.title = say('page.title');
};
new MutationObserver(keepTitle).observe(document.head, { childList: true, subtree: true, characterData: true });
keepTitle();

// The field's terms, for whoever points at the plain words.
const TERMED = ['model', 'method', 'goal', 'top', 'random', 'epsilon'];
document.addEventListener('pointerover', ({ target }) => {
  const block = target.closest?.(TERMED.map((id) => `#${id}`).join());
  if (block) block.title = say(`term.${block.id}`);
});

// Gradio leaves a list of choices open when one goes on with Tab: closed here as with Escape.
document.addEventListener('focusout', ({ target }) => {
  if (target.getAttribute?.('aria-expanded') === null || !target.matches('input')) return;
  const escape = new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape', bubbles: true });
  setTimeout(() => document.activeElement !== target && target.dispatchEvent(escape));
});
