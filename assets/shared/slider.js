// A slider of epsilon: what a drawing hears of it, and what it says to those who hear the page.
import { listen } from './dom.js';
import { inLevels, notation } from './formats.js';
import { say } from './texts.js';

export const rangeIn = (id) => document.querySelector(`#${id} input[type=range]`);

// Calls `move` with every epsilon of the slider `id`: from the finger, the keys and the number box straight from its own
// event; from the reset button and from Python as `root` hears of it through Gradio (see tell_drawing in fgsm/page/drawings.py).
// A number that was typed is put to the `nearest` one that there is.
export function follow(root, id, move, nearest = (typed) => typed) {
  const heard = (value) => Number.isFinite(value) && move(value);
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
  listen(root, 'input', ({ target }) => {
    if (target.closest?.(`#${id}`)) heard(parseFloat(target.value));
  });
  listen(root, 'change', ({ target }) => {
    if (!target.matches?.(`#${id} input[type=number]`)) return;
    const typed = parseFloat(target.value);
    if (!Number.isFinite(typed) || nearest(typed) === typed) return;
    set.call(target, nearest(typed)); // as a finger would, which Gradio hears
    target.dispatchEvent(new Event('input', { bubbles: true }));
  });
  root.addEventListener('epsilon', (event) => heard(event.detail));
}

export function pronounce(id, epsilon) {
  const range = rangeIn(id);
  const spoken = { epsilon: notation(epsilon), levels: inLevels(epsilon) };
  if (range) range.ariaValueText = say('viewer.slider_value', spoken);
}
