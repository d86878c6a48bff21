// What is left of an adversarial face after saving, shrinking and blurring; from fgsm/page/surviving.py.
import { make } from '../shared/dom.js';

export function mount({ element, props, watch }) {
  const root = element.querySelector('.cards');

  function draw() {
    if (!props.value) return;
    const { title, cards } = props.value;
    const row = root.querySelector('.row');
    root.querySelector('p').textContent = title;
    row.replaceChildren();
    for (const { picture, treatment, kind, outcome, who, fooled } of cards) {
      const figure = make('figure', row);
      figure.classList.toggle('fooled', fooled);
      figure.dataset.outcome = kind;
      Object.assign(make('img', figure), { src: picture, alt: '' });
      const caption = make('figcaption', figure);
      make('b', caption, treatment);
      make('span', caption, outcome, 'outcome');
      make('span', caption, who);
    }
  }

  watch('value', draw);
  draw();
}
