// Under the stage: how confident the recogniser is of two people at every epsilon, and the smallest epsilon found that
// fools it, which is marked on the slider's track as well.
import { heightOf } from '../shared/distance.js';
import { makeSvg } from '../shared/dom.js';
import { inLevels, notation, percent } from '../shared/formats.js';
import { say } from '../shared/texts.js';

const THUMB = 16; // pixels; the middle of the slider's thumb travels this much less than the track's length
const lastOf = (epsilons) => epsilons[epsilons.length - 1];

export function drawStrip(svg, face, at, rival) {
  const { epsilons, scores, smallest, attacked, unknown } = face;
  const top = lastOf(epsilons);
  const width = Math.max(200, svg.clientWidth);
  const height = svg.clientHeight;
  const x = (epsilon) => (width * epsilon) / top;
  const y = (share) => 4 + (height - 8) * (1 - share);
  const upright = (epsilon, name) => ({ class: name, x1: x(epsilon), x2: x(epsilon), y1: 0, y2: height });
  svg.replaceChildren();
  makeSvg('line', { class: 'axis', x1: 0, x2: width, y1: y(0), y2: y(0) }, svg);
  for (const [found, name] of [
    [smallest?.['8-bit'], 'mark file'],
    [smallest?.float, 'mark smallest'],
  ]) {
    if (found && found.epsilon <= top) makeSvg('line', upright(found.epsilon, name), svg);
  }
  makeSvg('line', upright(epsilons[at], 'now'), svg);
  const lines = [
    [unknown, 'threshold'],
    [attacked, 'attacked'],
    [rival, 'rival'],
  ];
  for (const [label, name] of lines.filter(([label], place) => label !== null && (place === 0 || label !== unknown))) {
    const point = (epsilon, i) =>
      scores.float[i] ? [`${x(epsilon)},${y(heightOf(face, scores.float[i], label))}`] : [];
    makeSvg('polyline', { class: name, points: epsilons.flatMap(point).join(' ') }, svg);
    const now = scores.float[at];
    if (now && label !== unknown) {
      makeSvg('circle', { class: name, r: 4, cx: x(epsilons[at]), cy: y(heightOf(face, now, label)) }, svg);
    }
  }
}

function describeStanding({ harder, easier, total }) {
  const key = harder >= easier ? 'smallest.easier' : 'smallest.harder';
  return say(key, { share: percent(Math.floor((100 * Math.max(harder, easier)) / total) / 100, 0), total });
}

export function describeSmallest({ smallest, standing, target, names, epsilons, sign }) {
  const { float, '8-bit': file } = smallest;
  const aimed = target === null ? '' : '_target';
  const about = { target: names[target], top: notation(lastOf(epsilons)) };
  if (!float) return say(`smallest.none${aimed}`, about);
  if (float.epsilon === 0) return say(`smallest.zero${aimed}`, about);
  const found = { ...about, epsilon: notation(Number(float.epsilon.toFixed(5))), levels: inLevels(float.epsilon) };
  const sentences = [say(`smallest.${sign ? 'found' : 'position'}${aimed}`, found)];
  if (standing) sentences.push(describeStanding(standing));
  if (file) sentences.push(say('smallest.file', { levels: Math.ceil(25500 * file.epsilon - 1e-6) / 100 }));
  else sentences.push(say('smallest.no_file'));
  if (float.again !== null) {
    sentences.push(say(`smallest.again${aimed}`, { ...about, epsilon: notation(float.again) }));
  }
  return sentences.join(' ');
}

// Marks `value` on the track of the slider `range`, which goes up to the last of `epsilons`.
export function markSlider(range, value, epsilons) {
  if (!range) return;
  const holder = range.parentElement;
  let mark = holder.querySelector('.smallest-mark');
  if (!mark) {
    mark = document.createElement('i');
    mark.className = 'smallest-mark';
    mark.setAttribute('aria-hidden', 'true');
    holder.style.position = 'relative';
    holder.append(mark);
  }
  const top = lastOf(epsilons);
  mark.hidden = !(value <= top);
  if (mark.hidden) return;
  mark.style.left = `${range.offsetLeft + THUMB / 2 + ((range.offsetWidth - THUMB) * value) / top}px`;
  mark.style.top = `${range.offsetTop + range.offsetHeight / 2}px`;
  mark.title = say('smallest.mark', { epsilon: notation(Number(value.toFixed(5))) });
}
