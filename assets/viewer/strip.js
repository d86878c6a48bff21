// Behind the slider, to its scale: how confident the recogniser is of two people at every epsilon, where it is fooled,
// by whomever, and the smallest epsilon found that does so.
import { heightOf } from '../shared/distance.js';
import { makeSvg } from '../shared/dom.js';
import { inLevels, notation, percent } from '../shared/formats.js';
import { say } from '../shared/texts.js';
import { stretches } from './ranking.js';

const THUMB = 16; // pixels, as in assets/page/page.css: the middle of the slider's thumb travels so much less than its track
const AXIS = 16; // pixels under the curves, for the numbers
const TICKS = 5;
const lastOf = (epsilons) => epsilons[epsilons.length - 1];

// Returns what draws the strip for a face at one position and the person beside the one attacked: its curves are drawn
// anew where one of them is another, its dots with every step of the slider. `resized` is called when it has to be drawn
// once more: its size is not asked for at every step, which would have the browser lay out the page in between.
export function stripIn(svg, resized) {
  const curves = makeSvg('g', {}, svg);
  const dots = makeSvg('g', {}, svg);
  let drawn = []; // what the curves stand for
  let size = { width: 0, height: 0 };

  new ResizeObserver(([{ contentRect }]) => {
    size = contentRect;
    resized();
  }).observe(svg);

  return (face, at, rival) => {
    const { epsilons, scores, smallest, attacked, unknown } = face;
    const { width, height } = size;
    const top = lastOf(epsilons);
    const bottom = height - AXIS;
    const x = (epsilon) => THUMB / 2 + ((width - THUMB) * epsilon) / top;
    const y = (share) => 4 + (bottom - 8) * (1 - share);
    const upright = (epsilon, name) => ({ class: name, x1: x(epsilon), x2: x(epsilon), y1: 0, y2: bottom });
    const people = [
      [attacked, 'attacked'],
      [rival, 'rival'],
    ].filter(([label]) => label !== unknown);

    function drawCurves() {
      curves.replaceChildren();
      makeSvg('line', { class: 'axis', x1: x(0), x2: x(top), y1: y(0), y2: y(0) }, curves);
      for (let tick = 0; tick <= TICKS; tick++) {
        const epsilon = (top * tick) / TICKS;
        makeSvg('text', { x: x(epsilon), y: bottom + AXIS - 3, class: 'tick' }, curves, notation(epsilon));
      }
      for (const { from, to } of stretches(face, [...scores.float])) {
        const [left, right] = [x(epsilons[from]), x(epsilons[to])];
        makeSvg('rect', { class: 'lost', x: left, width: right - left, y: 0, height: bottom }, curves);
      }
      const found = smallest?.float;
      if (found && found.epsilon <= top) makeSvg('line', upright(found.epsilon, 'mark smallest'), curves);
      const lines = unknown === null ? people : [[unknown, 'threshold'], ...people];
      for (const [label, name] of lines) {
        const point = (epsilon, i) =>
          scores.float[i] ? [`${x(epsilon)},${y(heightOf(face, scores.float[i], label))}`] : [];
        makeSvg('polyline', { class: name, points: epsilons.flatMap(point).join(' ') }, curves);
      }
    }

    if (bottom <= 0) return; // out of sight
    const now = [face, rival, width, height];
    if (now.some((value, place) => value !== drawn[place])) drawCurves();
    drawn = now;
    dots.replaceChildren();
    for (const [label, name] of people) {
      const cy = y(heightOf(face, scores.float[at], label));
      makeSvg('circle', { class: name, r: 4, cx: x(epsilons[at]), cy }, dots);
    }
  };
}

function describeStanding({ harder, easier, total }) {
  const key = harder >= easier ? 'smallest.easier' : 'smallest.harder';
  return say(key, { share: percent(Math.floor((100 * Math.max(harder, easier)) / total) / 100, 0), total });
}

const written = (epsilon) => ({ epsilon: notation(Number(epsilon.toFixed(5))), levels: inLevels(epsilon) });

export function describeSmallest({ smallest, standing, target, names, epsilons, sign }) {
  const { float, '8-bit': file } = smallest;
  const aimed = target === null ? '' : '_target';
  const about = { target: names[target], top: notation(lastOf(epsilons)) };
  if (!float) return say(`smallest.none${aimed}`, about);
  if (float.epsilon === 0) return say(`smallest.zero${aimed}`, about);
  const found = { ...about, ...written(float.epsilon) };
  const sentences = [say(`smallest.${sign ? 'found' : 'position'}${aimed}`, found)];
  if (standing) sentences.push(describeStanding(standing));
  if (!file) sentences.push(say('smallest.no_file'));
  else if (file.epsilon === float.epsilon) sentences.push(say('smallest.file_too'));
  else sentences.push(say('smallest.file', written(file.epsilon)));
  if (float.again !== null) {
    sentences.push(say(`smallest.again${aimed}`, { ...about, epsilon: notation(float.again) }));
  }
  return sentences.join(' ');
}
