// How recognisers fare against one attack after another, beside each other; from fgsm/page/how_tab.py.
import { make, translate } from '../shared/dom.js';
import { inLevels, notation, percent } from '../shared/formats.js';
import { recogniser, say } from '../shared/texts.js';

const NO_ATTACK = ['clean', 'worst case']; // rows that are called by their text alone

function drawCell(row, { accuracy, low, high, right }, total) {
  const cell = make('td', row);
  const shares = { low: percent(low), high: percent(high) };
  cell.title = say('resist.cell', { right, total, ...shares });
  make('b', cell, percent(accuracy));
  make('span', cell, `${shares.low} – ${shares.high}`);
  const bar = make('span', cell, undefined, 'bar');
  bar.ariaHidden = 'true';
  make('i', bar).style.width = percent(accuracy);
  const interval = make('i', bar, undefined, 'interval');
  Object.assign(interval.style, { left: shares.low, width: percent(high - low) });
}

export function mount({ element, props, watch }) {
  const root = element.querySelector('.resist');
  const table = root.querySelector('table');

  function draw() {
    if (!props.value) return;
    const { epsilon, models } = props.value;
    const within = { epsilon: notation(Number(epsilon.toFixed(4))), levels: inLevels(epsilon) };
    root.querySelector('figcaption').textContent = say('resist.title', within);
    table.replaceChildren();
    const head = make('tr', make('thead', table));
    make('th', head, say('resist.after')).scope = 'col';
    for (const { model } of models) make('th', head, recogniser(model)).scope = 'col';
    const body = make('tbody', table);
    models[0].left.forEach(({ after }, at) => {
      const row = make('tr', body);
      const about = say(`resist.${after}`);
      const isAttack = !NO_ATTACK.includes(after);
      const name = make('th', row, isAttack ? after : about);
      name.scope = 'row';
      if (isAttack) make('span', name, about);
      for (const { left, total } of models) drawCell(row, left[at], total);
    });
    const doubted = models.filter(({ warnings }) => warnings > 0);
    const sentences = doubted.map(({ model, warnings: count }) => {
      return say('resist.warned', { recogniser: recogniser(model), count });
    });
    root.querySelector('.warned').textContent = sentences.join(' ');
  }

  translate(root);
  watch('value', draw);
  draw();
}
