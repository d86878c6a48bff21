// A heat map of accuracies as a table, from the value that fgsm/tabs/transfer_tab.py sends with every batch of faces.
// Gradio runs this as the body of a function with `element`, `props`, `trigger` and `watch`.
const root = element.querySelector('.heatmap');
const table = root.querySelector('table');
const { say, recogniser, make, translate } = window.fgsm;

translate(root);

const percent = (value) => `${(100 * value).toFixed(1)}%`;

// From red, nobody named right, through yellow to green: each light enough for black letters.
const colour = (accuracy) => `hsl(${Math.round(135 * accuracy)} 62% 68%)`;

// The row `source` is the recogniser that the faces were crafted on; null is the row of clean faces.
function drawCell(row, source, model, { accuracy, low, high, correct }) {
  const cell = make(source === null ? 'div' : 'button', make('td', row), undefined, 'cell');
  if (source === null) cell.classList.add('clean');
  else {
    cell.type = 'button';
    cell.dataset.source = source;
    cell.dataset.model = model;
    cell.classList.toggle('own', source === model);
    cell.addEventListener('click', () => trigger('click', { source, model }));
  }
  cell.style.background = colour(accuracy);
  cell.style.color = '#111';
  make('b', cell, percent(accuracy));
  make('span', cell, `${percent(low)} – ${percent(high)}`);
  const names = { source: source && recogniser(source), other: recogniser(model) };
  const what = say(source === null ? 'transfer.cell_clean' : 'transfer.cell_hover', names);
  cell.title = `${what}\n${say('chart.accuracy', { accuracy: percent(accuracy), low: percent(low), high: percent(high) })}\n`
    + say('chart.correct', { correct, total: props.value.total });
  cell.ariaLabel = cell.title;
}

function drawTable({ models, rows }) {
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
    cells.forEach((cell, column) => drawCell(row, source, models[column], cell));
  });
  const same = ({ dataset }) => dataset.source === focused.source && dataset.model === focused.model;
  if (focused?.source) [...table.querySelectorAll('button')].find(same)?.focus();
}

function draw() {
  const { value } = props;
  if (!value) return;
  drawTable(value);
  root.dataset.state = value.state;
  root.querySelector('progress').value = value.progress;
  root.querySelector('.message').textContent = value.message;
  const notes = root.querySelector('.notes');
  notes.replaceChildren();
  for (const note of value.notes) make('p', notes, note);
}

watch('value', draw);
draw();
