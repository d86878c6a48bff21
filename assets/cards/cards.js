// What is left of an adversarial face after saving, shrinking and blurring; from fgsm/page/surviving.py.
import { hear, make, tell, translate } from '../shared/dom.js';

const SAME = 1e-6; // epsilons nearer than this are one

export function mount({ element, props, watch }) {
  const root = element.querySelector('.cards');

  let stage = null; // what it shows: { id, epsilon }

  // Cards of another face, another attack or another epsilon than the stage's say so.
  function compare() {
    const { value } = props;
    if (!value || !stage) return;
    const { id, epsilon } = value;
    const stale = id !== stage.id || Math.abs(epsilon - stage.epsilon) > SAME;
    root.querySelector('.stale').hidden = !stale;
    root.classList.toggle('old', stale);
  }

  function draw() {
    if (!props.value) return;
    const { title, cards } = props.value;
    const row = root.querySelector('.row');
    root.querySelector('.title').textContent = title;
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
    compare();
  }

  translate(root);
  root.querySelector('button').addEventListener('click', () => document.getElementById('survive-start')?.click());
  hear(root, 'moved', (detail) => {
    stage = detail;
    compare();
  });
  watch('value', draw);
  draw();
  tell('where');
}
