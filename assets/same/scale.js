// The scale below the pictures: how far they are from each other, and how far they may be.
import { makeSvg } from '../shared/dom.js';
import { notation } from '../shared/formats.js';
import { say } from '../shared/texts.js';

const TOP = 1.2; // two people are rarely farther from each other
const STEP = 0.2;
const NEAR = 64; // pixels to the threshold's label, where no number fits beside it
const EDGE = 12; // pixels beside the scale, for markers and numbers at its ends
const MIDDLE = 36; // of the bar
const HALF = 7;

export const written = (distance) => distance.toFixed(3);

export function drawScale(svg, { threshold, clean, now }) {
  const width = Math.max(240, svg.clientWidth);
  const x = (distance) => EDGE + ((width - 2 * EDGE) * Math.min(distance, TOP)) / TOP;
  const bar = (from, to, name) =>
    makeSvg(
      'rect',
      { class: name, x: x(from), width: x(to) - x(from), y: MIDDLE - HALF, height: 2 * HALF, rx: 3 },
      svg,
    );
  const write = (at, y, text, anchor, name = '') =>
    makeSvg('text', { x: at, y, 'text-anchor': anchor, class: name }, svg, text);
  const upright = (from, to) => ({ x1: x(threshold), x2: x(threshold), y1: MIDDLE + from, y2: MIDDLE + to });
  svg.replaceChildren();
  bar(0, threshold, 'zone same');
  bar(threshold, TOP, 'zone');
  write(x(0), 16, say('same.zone_same'), 'start');
  write(x(TOP), 16, say('same.zone_different'), 'end');
  for (let tick = 0; tick <= TOP + STEP / 2; tick += STEP) {
    if (Math.abs(x(tick) - x(threshold)) > NEAR) write(x(tick), MIDDLE + 32, notation(tick), 'middle');
  }
  makeSvg('line', { class: 'threshold', ...upright(-HALF - 9, HALF + 9) }, svg);
  write(x(threshold), MIDDLE + 32, say('same.threshold', { threshold: notation(threshold) }), 'middle', 'strong');
  makeSvg('line', { class: 'way', x1: x(clean), x2: x(now ?? clean), y1: MIDDLE, y2: MIDDLE }, svg);
  makeSvg('circle', { class: 'clean', r: 6, cx: x(clean), cy: MIDDLE }, svg);
  if (now !== null) makeSvg('circle', { class: 'now', r: 9, cx: x(now), cy: MIDDLE }, svg);
  const spoken = { distance: written(now ?? clean), top: notation(TOP), threshold: notation(threshold) };
  svg.ariaLabel = say('same.scale', spoken);
}
