// Adversarial faces and whom they are taken for; from fgsm/page/fooled.py.
import { make } from '../shared/dom.js';

export function mount({ element, props, watch }) {
  const root = element.querySelector('.fooled');

  function draw() {
    if (!props.value) return;
    const { title, faces } = props.value;
    const row = root.querySelector('.row');
    root.querySelector('p').textContent = title;
    row.replaceChildren();
    for (const { picture, label, reference, reference_label, person, taken, instead } of faces) {
      const figure = make('figure', row);
      const pictures = make('div', figure);
      Object.assign(make('img', pictures), { src: picture, alt: label });
      if (reference) {
        make('span', pictures, '→').ariaHidden = 'true';
        Object.assign(make('img', pictures), { src: reference, alt: reference_label });
      }
      const caption = make('figcaption', figure);
      make('b', caption, taken);
      caption.append(` ${instead} ${person}`);
    }
  }

  watch('value', draw);
  draw();
}
