// Accuracy curves as SVG, from what fgsm/page/curve_tab.py sends with every batch of faces.
import { makeSvg, translate } from '../shared/dom.js';
import { notation, percent } from '../shared/formats.js';
import { measuredIn } from '../shared/measured.js';
import { recogniser, say } from '../shared/texts.js';
import { colours, scales } from './scales.js';

const APART = 14; // pixels between a point and what is said of it

const named = ({ model, title }) => `${recogniser(model)}, ${say(title)}`;

// Whether its recogniser tells those it does not know apart.
const parts = ({ threshold }) => threshold !== null;
const hasUnknown = (curve) => parts(curve) && curve.unknown.some((count) => count > 0);

function describe(curve, at, axis) {
  const epsilon = curve.epsilons[at];
  const [accuracy, low, high] = [curve.accuracy[at], curve.low[at], curve.high[at]].map((share) => percent(share));
  const lines = [
    named(curve),
    `${say(axis)} ${notation(epsilon)} = ${notation(255 * epsilon)}/255`,
    say('chart.accuracy', { accuracy, low, high }),
    say('chart.correct', { correct: curve.correct[at], total: curve.total }),
    say('chart.fooled', { fooled: curve.fooled[at], recognised: curve.recognised }),
  ];
  if (parts(curve)) {
    lines.push(say('chart.unknown', { unknown: curve.unknown[at], total: curve.total, confused: curve.confused[at] }));
  }
  return lines.join('\n');
}

function drawAxes(svg, { left, right, bottom, ticks, x, y }, axis) {
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    makeSvg('line', { class: 'grid', x1: left, x2: right, y1: y(share), y2: y(share) }, svg);
    makeSvg('text', { x: left - 8, y: y(share) + 4, 'text-anchor': 'end' }, svg, `${100 * share}%`);
  }
  for (const tick of ticks) {
    makeSvg('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: y(1), y2: bottom }, svg);
    makeSvg('text', { x: x(tick), y: bottom + 18, 'text-anchor': 'middle' }, svg, notation(tick));
  }
  makeSvg('text', { x: (left + right) / 2, y: bottom + 36, 'text-anchor': 'middle' }, svg, say(axis));
}

// The corners of a line through `shares`, one for each epsilon.
const along = (curve, shares, { x, y }) => curve.epsilons.map((epsilon, at) => `${x(epsilon)},${y(shares[at])}`);

function drawCurve(svg, curve, colour, place) {
  const band = [...along(curve, curve.high, place), ...along(curve, curve.low, place).reverse()].join(' ');
  const look = { class: 'line', 'data-attack': curve.attack, stroke: colour, 'stroke-dasharray': curve.dash };
  makeSvg('polygon', { class: 'band', fill: colour, points: band }, svg);
  makeSvg('polyline', { ...look, points: along(curve, curve.accuracy, place).join(' ') }, svg);
}

// What is taken for nobody, above the accuracy; what is left above that is taken for somebody else.
function drawUnknown(svg, curve, colour, place) {
  const shares = curve.confused.map((count) => 1 - count / curve.total);
  const top = along(curve, shares, place);
  const points = [...top, ...along(curve, curve.accuracy, place).reverse()].join(' ');
  makeSvg('polygon', { class: 'unknown', 'data-attack': curve.attack, points }, svg);
  makeSvg('polyline', { class: 'edge', stroke: colour, points: top.join(' ') }, svg);
}

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.chart');
  const svg = root.querySelector('svg');
  const tooltip = root.querySelector('.tooltip');

  function reveal(text, { x, y }) {
    tooltip.textContent = text;
    tooltip.hidden = false;
    const room = svg.clientWidth - tooltip.offsetWidth - 4;
    const above = y - tooltip.offsetHeight - APART;
    tooltip.style.left = `${Math.max(0, Math.min(x - tooltip.offsetWidth / 2, room))}px`;
    tooltip.style.top = `${above < 0 ? y + APART : above}px`; // beneath it, or it would cover the point
  }

  function drawPoint(curve, at, colour, place, axis) {
    const epsilon = curve.epsilons[at];
    const where = { x: place.x(epsilon), y: place.y(curve.accuracy[at]) };
    const text = describe(curve, at, axis);
    const identity = { 'data-model': curve.model, 'data-attack': curve.attack, 'data-epsilon': notation(epsilon) };
    const spoken = { tabindex: 0, role: 'button', 'aria-label': text };
    const point = makeSvg('g', { class: 'point', 'data-testid': 'point', ...identity, ...spoken }, svg);
    makeSvg('circle', { class: 'hit', cx: where.x, cy: where.y, r: 12 }, point);
    makeSvg('circle', { class: 'dot', cx: where.x, cy: where.y, r: 4.5, fill: colour }, point);
    const choose = () => trigger('click', { model: curve.model, attack: curve.attack, epsilon });
    const hide = () => {
      tooltip.hidden = true;
    };
    for (const event of ['mouseenter', 'focus']) point.addEventListener(event, () => reveal(text, where));
    for (const event of ['mouseleave', 'blur']) point.addEventListener(event, hide);
    point.addEventListener('click', choose);
    point.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      choose();
    });
  }

  function drawLegend(curves, colour) {
    const entries = curves.map((curve) => {
      const entry = document.createElement('span');
      const mark = makeSvg('svg', { class: 'mark' }, entry);
      const look = { class: 'line', stroke: colour(curve), 'stroke-dasharray': curve.dash };
      makeSvg('line', { ...look, x2: 34, y1: 5, y2: 5 }, mark);
      entry.append(curve.remembered ? `${named(curve)} ${say('chart.remembered')}` : named(curve));
      return entry;
    });
    if (curves.some(hasUnknown)) {
      const entry = document.createElement('span');
      const mark = makeSvg('svg', { class: 'mark' }, entry);
      makeSvg('rect', { class: 'unknown', width: 34, height: 10 }, mark);
      entry.append(say('chart.unknown_band'));
      entries.push(entry);
    }
    root.querySelector('.legend').replaceChildren(...entries);
  }

  const identityOf = ({ dataset }) => [dataset.model, dataset.attack, dataset.epsilon].join('|');

  function draw() {
    const { value } = props;
    if (!root.isConnected || !value) return;
    const { curves, axis } = value;
    const focused = svg.contains(document.activeElement) ? identityOf(document.activeElement) : null;
    tooltip.hidden = true;
    const epsilons = curves.flatMap((curve) => curve.epsilons);
    const place = scales(epsilons, Math.max(280, svg.clientWidth), svg.clientHeight);
    const colour = colours(curves);
    svg.replaceChildren();
    drawAxes(svg, place, axis);
    for (const curve of curves.filter(hasUnknown)) drawUnknown(svg, curve, colour(curve), place);
    for (const curve of curves) drawCurve(svg, curve, colour(curve), place);
    // Points come after all lines, so that none is hidden under another curve's band.
    for (const curve of curves) {
      curve.epsilons.forEach((_, at) => drawPoint(curve, at, colour(curve), place, axis));
    }
    if (focused) [...svg.querySelectorAll('.point')].find((point) => identityOf(point) === focused)?.focus();
    drawLegend(curves, colour);
    drawMeasured(value);
  }

  const drawMeasured = measuredIn(root, () => trigger('apply', {}));
  translate(root);
  watch('value', draw);
  new ResizeObserver(draw).observe(root);
  draw();
}
