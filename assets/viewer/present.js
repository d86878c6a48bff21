// Presenting: the stage alone on the whole screen, with the slider and arrows to the face before and after.
import { tell } from '../shared/dom.js';
import { isTyped } from './keys.js';

export function presentOn(root) {
  const page = document.documentElement;
  const button = root.querySelector('.present');
  const steps = { before: -1, after: 1 };

  function present(on) {
    page.classList.toggle('presenting', on);
    button.ariaPressed = String(on);
    for (const name of Object.keys(steps)) root.querySelector(`.${name}`).hidden = !on;
    if (on)
      page.requestFullscreen?.().catch(() => {}); // not given: the page alone has to do
    else if (document.fullscreenElement) document.exitFullscreen();
  }

  const toggle = () => present(!page.classList.contains('presenting'));
  button.addEventListener('click', toggle);
  for (const [name, by] of Object.entries(steps)) {
    root.querySelector(`.${name}`).addEventListener('click', () => {
      tell('step', by);
    });
  }
  document.addEventListener('fullscreenchange', () => {
    if (!document.fullscreenElement && page.classList.contains('presenting')) present(false);
  });
  document.addEventListener('keydown', (event) => {
    if (isTyped(event)) return;
    if (event.key === 'p') toggle();
    else if (event.key === 'Escape' && page.classList.contains('presenting')) present(false);
  });
}
