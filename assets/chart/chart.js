// Accuracy curves as SVG, from the value that fgsm/tabs/curve_tab.py sends with every batch of faces.
// Gradio runs this as the body of a function with `element`, `props`, `trigger` and `watch`.
const root = element.querySelector('.chart');
const svg = root.querySelector('svg');
const tooltip = root.querySelector('.tooltip');
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']; // Okabe & Ito
const MARGIN = { left: 48, right: 18, top: 14, bottom: 40 };
const ZERO = 46; // pixels between epsilon 0 and the smallest other one, where a logarithm has no place
const { say, recogniser, translate } = window.fgsm;
const NS = 'http://www.w3.org/2000/svg';

translate(root);

const number = (value) => Number(value.toPrecision(6)).toString();
const percent = (value) => `${(100 * value).toFixed(1)}%`;

function make(name, attributes, parent, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function scales(curves) {
  const width = Math.max(280, svg.clientWidth), height = svg.clientHeight;
  const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
  const positive = curves.flatMap((curve) => curve.epsilons).filter((epsilon) => epsilon > 0);
  const low = Math.floor(Math.log10(Math.min(...positive, 0.1)) + 1e-9);
  const high = Math.ceil(Math.log10(Math.max(...positive, 10 ** (low + 1))) - 1e-9);
  const start = MARGIN.left + ZERO;
  return {
    left: MARGIN.left, right, bottom, low, high,
    x: (epsilon) => epsilon === 0 ? MARGIN.left : start + (right - start) * (Math.log10(epsilon) - low) / (high - low),
    y: (share) => bottom - (bottom - MARGIN.top) * share,
  };
}

function drawAxes({ left, right, bottom, low, high, x, y }) {
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    make('line', { class: 'grid', x1: left, x2: right, y1: y(share), y2: y(share) }, svg);
    make('text', { x: left - 8, y: y(share) + 4, 'text-anchor': 'end' }, svg, `${100 * share}%`);
  }
  const ticks = [0];
  for (let decade = low; decade <= high; decade++) ticks.push(10 ** decade);
  for (const tick of ticks) {
    make('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: y(1), y2: bottom }, svg);
    make('text', { x: x(tick), y: bottom + 18, 'text-anchor': 'middle' }, svg, number(tick));
  }
  make('text', { x: (left + right) / 2, y: bottom + 36, 'text-anchor': 'middle' }, svg, say('chart.epsilon'));
}

const named = (curve) => `${recogniser(curve.model)}, ${say(`attack.${curve.attack}`)}`;

function describe(curve, at) {
  const epsilon = curve.epsilons[at];
  return [
    named(curve),
    `${say('chart.epsilon')} ${number(epsilon)} = ${number(255 * epsilon)}/255`,
    say('chart.accuracy', { accuracy: percent(curve.accuracy[at]), low: percent(curve.low[at]), high: percent(curve.high[at]) }),
    say('chart.correct', { correct: curve.correct[at], total: curve.total }),
    say('chart.fooled', { fooled: curve.fooled[at], recognised: curve.recognised }),
  ].join('\n');
}

function reveal(curve, at, place) {
  tooltip.textContent = describe(curve, at);
  tooltip.hidden = false;
  const room = svg.clientWidth - tooltip.offsetWidth - 4;
  tooltip.style.left = `${Math.max(0, Math.min(place.x + 12, room))}px`;
  tooltip.style.top = `${Math.max(0, place.y - tooltip.offsetHeight - 12)}px`;
}

function drawCurve(curve, colour, place) {
  const along = (values) => curve.epsilons.map((epsilon, at) => `${place.x(epsilon)},${place.y(values[at])}`);
  make('polygon', { class: 'band', fill: colour, points: [...along(curve.high), ...along(curve.low).reverse()].join(' ') }, svg);
  make('polyline', { class: 'line', 'data-attack': curve.attack, stroke: colour, points: along(curve.accuracy).join(' ') }, svg);
}

// Points come after all lines, so that none is hidden under another curve's band.
function drawPoints(curve, colour, place) {
  curve.epsilons.forEach((epsilon, at) => {
    const where = { x: place.x(epsilon), y: place.y(curve.accuracy[at]) };
    const point = make('g', { class: 'point', tabindex: 0, role: 'button', 'data-testid': 'point', 'data-model': curve.model,
      'data-attack': curve.attack, 'data-epsilon': number(epsilon), 'aria-label': describe(curve, at) }, svg);
    make('circle', { class: 'hit', cx: where.x, cy: where.y, r: 12 }, point);
    make('circle', { class: 'dot', cx: where.x, cy: where.y, r: 4.5, fill: colour }, point);
    for (const event of ['mouseenter', 'focus']) point.addEventListener(event, () => reveal(curve, at, where));
    for (const event of ['mouseleave', 'blur']) point.addEventListener(event, () => { tooltip.hidden = true; });
    const choose = () => trigger('click', { model: curve.model, attack: curve.attack, epsilon });
    point.addEventListener('click', choose);
    point.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(); } });
  });
}

function drawLegend(curves, colour) {
  root.querySelector('.legend').replaceChildren(...curves.map((curve) => {
    const entry = document.createElement('span');
    const mark = make('svg', { class: 'mark' }, entry);
    make('line', { class: 'line', 'data-attack': curve.attack, stroke: colour(curve), x2: 34, y1: 5, y2: 5 }, mark);
    entry.append(curve.remembered ? `${named(curve)} ${say('chart.remembered')}` : named(curve));
    return entry;
  }));
}

function draw() {
  const value = props.value;
  if (!root.isConnected || !value) return;
  const { curves } = value;
  const models = [...new Set(curves.map((curve) => curve.model))];
  const colour = (curve) => COLOURS[models.indexOf(curve.model) % COLOURS.length];
  const identity = (point) => ['data-model', 'data-attack', 'data-epsilon'].map((name) => point.getAttribute(name)).join('|');
  const focused = svg.contains(document.activeElement) ? identity(document.activeElement) : null;
  tooltip.hidden = true;
  const place = scales(curves);
  svg.replaceChildren();
  drawAxes(place);
  curves.forEach((curve) => drawCurve(curve, colour(curve), place));
  curves.forEach((curve) => drawPoints(curve, colour(curve), place));
  if (focused) [...svg.querySelectorAll('.point')].find((point) => identity(point) === focused)?.focus();
  drawLegend(curves, colour);
  root.dataset.state = value.state;
  root.querySelector('progress').value = value.progress;
  root.querySelector('.message').textContent = value.message;
  root.querySelector('.notes').replaceChildren(...value.notes.map((note) => {
    const paragraph = document.createElement('p');
    paragraph.textContent = note;
    return paragraph;
  }));
}

watch('value', draw);
new ResizeObserver(draw).observe(root);
draw();
