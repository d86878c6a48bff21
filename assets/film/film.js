// Small faces with their names, of which one is chosen; from fgsm/page/stage_events.py.
import { hear, make } from '../shared/dom.js';

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.film');
  let faces = []; // as they were drawn
  let chosen = null; // a name
  let asked = false; // for the faces

  function mark() {
    for (const button of root.querySelectorAll('button')) button.ariaPressed = String(button.value === chosen);
  }

  function choose(index) {
    chosen = faces[index];
    mark();
    trigger('select', { index, person: chosen });
  }

  function drawFace(name, index) {
    const button = make('button', make('li', root));
    Object.assign(button, { type: 'button', value: name });
    button.dataset.face = name;
    button.addEventListener('click', () => choose(index));
    const face = make('span', button, undefined, 'face');
    make('span', button, name);
    return face.style;
  }

  function draw() {
    if (!props.value) return;
    const { own, names, pictures, columns, chosen: before } = props.value;
    const rows = Math.ceil(names.length / columns);
    const share = (at, count) => `${count > 1 ? (100 * at) / (count - 1) : 0}%`;
    faces = [...own.map(({ name }) => name), ...names];
    chosen = before ?? chosen;
    root.replaceChildren();
    root.style.setProperty('--sheet', `url("${pictures}")`);
    own.forEach(({ name, photograph }, at) => {
      drawFace(name, at).background = `center / cover url("${photograph}")`;
    });
    names.forEach((name, at) => {
      const style = drawFace(name, own.length + at);
      style.backgroundImage = 'var(--sheet)';
      style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
      style.backgroundPosition = `${share(at % columns, columns)} ${share(Math.floor(at / columns), rows)}`;
    });
    mark();
  }

  // The stage says whom it shows and who is wanted, and the arrows beside it ask for the face before or after.
  const isSamples = Boolean(element.closest('#samples'));
  hear(root, 'shown', ({ person, wanted }) => {
    if (isSamples && !asked) trigger('apply', {}); // which the first face need not wait for
    asked = true;
    chosen = isSamples ? person : wanted;
    mark();
  });
  if (isSamples) {
    hear(root, 'step', (by) => {
      if (faces.length) choose((faces.indexOf(chosen) + by + faces.length) % faces.length);
    });
  }
  watch('value', draw);
  draw();
}
