// A heat map of accuracies as a table, from what fgsm/page/transfer_tab.py sends with every batch of faces.
import { make, translate } from '../shared/dom.js';
import { percent } from '../shared/formats.js';
import { measuredIn } from '../shared/measured.js';
import { recogniser, say } from '../shared/texts.js';

// From red, nobody named right, through yellow to green: each light enough for black letters.
const colour = (accuracy) => `hsl(${Math.round(135 * accuracy)} 62% 68%)`;

// A cell of the row `source`, the recogniser that the faces were crafted on; null is the row of clean faces.
function drawCell(row, source, model, { accuracy, low, high, correct }, total) {
  const cell = make(source === null ? 'div' : 'button', make('td', row), undefined, 'cell');
  if (source === null) cell.classList.add('clean');
  else {
    cell.type = 'button';
    Object.assign(cell.dataset, { source, model });
    cell.classList.toggle('own', source === model);
  }
  Object.assign(cell.style, { background: colour(accuracy), color: '#111' });
  const shares = { accuracy: percent(accuracy), low: percent(low), high: percent(high) };
  make('b', cell, shares.accuracy);
  make('span', cell, `${shares.low} – ${shares.high}`, 'interval');
  const names = { source: source && recogniser(source), other: recogniser(model) };
  const what = say(source === null ? 'transfer.cell_clean' : 'transfer.cell_hover', names);
  make('span', cell, what, 'heard');
  cell.title = [what, say('chart.accuracy', shares), say('chart.correct', { correct, total })].join('\n');
}

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.heatmap');
  const table = root.querySelector('table');

  function drawTable({ models, rows, total }) {
    const focused = table.contains(document.activeElement) ? { ...document.activeElement.dataset } : null;
    table.replaceChildren();
    if (!models.length) return;
    const head = make('tr', make('thead', table));
    make('th', head, say('transfer.corner'));
    for (const model of models) make('th', head, recogniser(model)).scope = 'col';
    const body = make('tbody', table);
    rows.forEach((cells, at) => {
      const row = make('tr', body);
      const source = at === 0 ? null : models[at - 1];
      make('th', row, source === null ? say('transfer.clean') : recogniser(source)).scope = 'row';
      cells.forEach((cell, column) => drawCell(row, source, models[column], cell, total));
    });
    const same = ({ dataset }) => dataset.source === focused.source && dataset.model === focused.model;
    if (focused?.source) [...table.querySelectorAll('button')].find(same)?.focus();
  }

  function draw() {
    if (!props.value) return;
    drawTable(props.value);
    drawMeasured(props.value);
  }

  table.addEventListener('click', ({ target }) => {
    const { source, model } = target.closest('button')?.dataset ?? {};
    if (source) trigger('click', { source, model });
  });
  const drawMeasured = measuredIn(root, () => trigger('apply', {}));
  translate(root);
  watch('value', draw);
  draw();
}
