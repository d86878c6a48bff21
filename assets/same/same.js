// Two faces, the first one attacked at any epsilon, and how far they are from each other: drawn from what the server
// sends once for each pair (see fgsm/page/same_tab.py).
import { distanceOf } from '../shared/distance.js';
import { translate } from '../shared/dom.js';
import { inLevels, notation } from '../shared/formats.js';
import { paint } from '../shared/paint.js';
import { follow, pronounce } from '../shared/slider.js';
import { say } from '../shared/texts.js';
import { decode, scored } from '../viewer/message.js';
import { clamp, mover, positionOf, rint } from '../viewer/pixels.js';
import { drawScale, written } from './scale.js';

const NOTHING = '\u00a0'; // which keeps a line's height
const SECOND = 0; // the class index of the second face, the only one that is known

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.pair');
  const slot = (name) => root.querySelector(`[data-show="${name}"]`);
  const canvas = (name) => root.querySelector(`canvas[data-show="${name}"]`);
  const buttons = root.querySelectorAll('button[data-place]');

  let pair = null; // the message being shown
  let face = null; // what it says of the first picture, decoded
  let epsilon = 0; // what the slider says, before it is put on the grid of scored epsilons

  const isSame = (distance) => distance <= face.threshold;

  function sentenceOf(distance, key = '') {
    const word = isSame(distance) ? 'same' : 'different';
    return say(`same.${key}${word}`, { distance: written(distance), threshold: notation(face.threshold) });
  }

  function drawPictures(at) {
    const { size, pixels, epsilons, attack } = face;
    const { gain } = pair;
    const moved = mover(face, at);
    paint(canvas('perturbation'), size, (i) => clamp(rint(128 + gain * (moved(i) - pixels[i]))));
    paint(canvas('adversarial'), size, (i) => rint(moved(i)));
    slot('change').textContent = say(attack.change, { epsilon: notation(epsilons[at]) });
    slot('gain').textContent = say('viewer.amplified', { gain });
  }

  // No answer of another pair or epsilon may stand under a new picture.
  function drawWaiting(clean) {
    root.classList.remove('turned');
    root.dataset.verdict = root.dataset.distance = '';
    slot('verdict').textContent = say('viewer.waiting');
    for (const name of ['distance', 'relation', 'saved']) slot(name).textContent = NOTHING;
    drawScale(root.querySelector('svg'), { threshold: face.threshold, clean, now: null });
  }

  function drawAnswers(at) {
    const { scores, same_8bit } = face;
    const clean = distanceOf(face, scores.float[0], SECOND);
    const wasSame = isSame(clean);
    slot('clean').textContent = say('same.distance', { distance: written(clean) });
    slot('way').textContent = say(wasSame ? 'same.away' : 'same.towards');
    const inFile = scores['8-bit'][same_8bit[at]];
    if (!scores.float[at] || !inFile) return drawWaiting(clean);
    const now = distanceOf(face, scores.float[at], SECOND);
    const same = isSame(now);
    root.dataset.verdict = same ? 'same' : 'different';
    root.dataset.distance = written(now);
    root.classList.toggle('turned', same !== wasSame);
    slot('verdict').textContent = sentenceOf(now);
    slot('distance').textContent = say('same.distance', { distance: written(now) });
    slot('relation').textContent = say(same ? 'same.is' : 'same.is_not');
    slot('saved').textContent = sentenceOf(distanceOf(face, inFile, SECOND), 'saved_');
    drawScale(root.querySelector('svg'), { threshold: face.threshold, clean, now });
  }

  function drawSmallest() {
    const { smallest, epsilons } = face;
    const found = smallest?.float;
    const top = notation(epsilons[epsilons.length - 1]);
    const about = found && { epsilon: notation(Number(found.epsilon.toFixed(5))), levels: inLevels(found.epsilon) };
    if (!smallest) slot('smallest').textContent = NOTHING;
    else slot('smallest').textContent = found ? say('same.smallest', about) : say('same.smallest_none', { top });
  }

  function draw() {
    if (!face) return;
    const at = positionOf(face.epsilons, epsilon);
    const value = notation(face.epsilons[at]);
    root.dataset.epsilon = value;
    drawPictures(at);
    drawAnswers(at);
    pronounce('same-epsilon', face.epsilons[at]);
  }

  function begin() {
    paint(canvas('original'), face.size, (i) => face.pixels[i]);
    slot('second').src = pair.second;
    pair.about.forEach((sentence, at) => {
      slot(`about-${at}`).textContent = sentence;
    });
    buttons.forEach((button, at) => {
      button.hidden = !pair.faces[at];
      button.textContent = pair.faces[at];
    });
  }

  function receive() {
    const message = props.value;
    if (!message || (pair && message.id < pair.id)) return; // late news of an earlier pair
    const fresh = !pair || message.id !== pair.id;
    pair = message;
    face = decode(message.stage);
    if (fresh) begin();
    drawSmallest();
    draw();
    root.dataset.ready = pair.id;
    root.setAttribute('aria-busy', String(scored(face) < 1));
  }

  function move(value) {
    epsilon = value;
    draw();
  }

  translate(root);
  for (const button of buttons) button.addEventListener('click', () => trigger('select', button.dataset));
  follow(root, 'same-epsilon', move);
  new ResizeObserver(draw).observe(root);
  watch('value', receive);
  receive();
  if (!pair) trigger('input', {}); // the tab is looked at for the first time: with which pair does it begin?
}
