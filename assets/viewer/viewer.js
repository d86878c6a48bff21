// The stage: draws one attacked face at any epsilon from what the server sent once (see fgsm/page/stage.py).
import { copy, link } from '../shared/address.js';
import { translate } from '../shared/dom.js';
import { notation } from '../shared/formats.js';
import { paint } from '../shared/paint.js';
import { follow, pronounce, rangeIn } from '../shared/slider.js';
import { say } from '../shared/texts.js';
import { fileAt, goalsOf, listTop, nearest, takenFor, verdictAt } from './answers.js';
import { decode, isScored } from './message.js';
import { clamp, mover, positionOf, rint } from './pixels.js';
import { ranked, rivalOf } from './ranking.js';
import { describeSmallest, drawStrip, markSlider } from './strip.js';

const NOTHING = '\u00a0'; // which keeps a line's height

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.stage');
  const slot = (name) => root.querySelector(`[data-show="${name}"]`);
  const canvas = (name) => root.querySelector(`canvas[data-testid="${name}"]`);

  let face = null; // the message being shown, decoded
  let settling; // timer that puts a view at rest into the page's address
  let epsilon = 0; // what the slider says, before it is put on the grid of scored epsilons

  function drawPictures(at) {
    const { size, gain, pixels, attack, epsilons } = face;
    const moved = mover(face, at);
    paint(canvas('perturbation'), size, (i) => clamp(rint(128 + gain * (moved(i) - pixels[i]))));
    paint(canvas('adversarial'), size, (i) => rint(moved(i)));
    slot('change').textContent = say(attack.change, { epsilon: notation(epsilons[at]) });
    slot('gain').textContent = gain === 1 ? say('viewer.not_amplified') : say('viewer.amplified', { gain });
  }

  // No answer of an earlier face or epsilon may stand under a new picture.
  function drawWaiting() {
    root.classList.remove('fooled', 'unknown');
    root.dataset.prediction = '';
    slot('verdict').textContent = say('viewer.waiting');
    for (const name of ['adversarial', 'taken', 'file', 'goals']) slot(name).textContent = NOTHING;
    slot('file').classList.remove('differs');
    drawReference(null);
    slot('adversarial-top').replaceChildren();
    canvas('adversarial').ariaLabel = say('viewer.adversarial_label');
  }

  function drawReference(label) {
    const photograph = face.references[label];
    if (photograph) slot('reference').src = photograph;
    else slot('reference').removeAttribute('src');
    slot('reference').alt = photograph ? say('viewer.reference_label', { person: label }) : '';
  }

  function drawClean() {
    const answer = face.scores.float[0];
    const person = face.names[ranked(answer)[0].index];
    slot('clean').textContent = takenFor(face, answer);
    listTop(slot('clean-top'), face, answer, -1);
    canvas('original').ariaLabel = say('viewer.original_known', { person });
  }

  function drawAnswers(at) {
    const { scores, same_8bit, attacked, labels, names, target, smallest, attack, unknown } = face;
    const answer = scores.float[at];
    if (!answer || !scores['8-bit'][same_8bit[at]]) return drawWaiting();
    const [first] = ranked(answer);
    const person = names[first.index];
    const fooled = first.index !== attacked;
    root.classList.toggle('fooled', fooled);
    root.dataset.prediction = labels[first.index];
    slot('adversarial').textContent = takenFor(face, answer);
    const nobody = first.index === unknown;
    root.classList.toggle('unknown', nobody);
    slot('relation').textContent = say(nobody ? 'viewer.is' : fooled ? 'viewer.taken_for' : 'viewer.recognised_as');
    slot('taken').textContent = person;
    drawReference(labels[first.index]);
    slot('about').textContent = nobody ? say('viewer.nearest', nearest(face, answer)) : say('viewer.reference');
    slot('verdict').textContent = verdictAt(face, at, answer);
    if (target !== null) slot('goals').textContent = goalsOf(face, answer, first);
    slot('hint').hidden = target === null || !attack.offers || !smallest || Boolean(smallest.float);
    const rival = rivalOf(face, answer);
    drawStrip(root.querySelector('.strip svg'), face, at, rival);
    slot('strip-attacked').textContent = names[attacked];
    slot('strip-rival').textContent = names[rival];
    const file = fileAt(face, at, first);
    slot('file').textContent = file.sentence;
    slot('file').classList.toggle('differs', file.differs);
    const seen = nobody ? 'unknown' : fooled ? 'taken' : 'still';
    canvas('adversarial').ariaLabel = say(`viewer.adversarial_${seen}`, { person });
    listTop(slot('adversarial-top'), face, answer, first.index);
  }

  function drawSmallest() {
    const { smallest, epsilons } = face;
    root.dataset.smallest = smallest?.float ? notation(smallest.float.epsilon) : '';
    slot('smallest').textContent = smallest ? describeSmallest(face) : NOTHING;
    markSlider(rangeIn('epsilon'), smallest?.float?.epsilon, epsilons);
  }

  function draw() {
    if (!face) return;
    const at = positionOf(face.epsilons, epsilon);
    const value = notation(face.epsilons[at]);
    root.dataset.epsilon = value;
    drawPictures(at);
    drawClean();
    drawAnswers(at);
    pronounce('epsilon', face.epsilons[at]);
    clearTimeout(settling);
    settling = setTimeout(() => link({ ...face.link, epsilon: value }), 300); // browsers limit how often
  }

  function begin() {
    if (face.epsilon !== null) epsilon = face.epsilon;
    paint(canvas('original'), face.size, (i) => face.pixels[i]);
    slot('attacked').textContent = face.note;
    const compares = face.unknown !== null;
    slot('strip-of').textContent = say(compares ? 'strip.distance' : 'strip.confidence');
    slot('strip-threshold').hidden = !compares;
    root.querySelector('.goals').hidden = face.target === null;
    slot('hint').hidden = true;
    root.querySelector('.enrol-stranger').hidden = !face.stranger;
    for (const button of root.querySelectorAll('button')) button.disabled = false;
  }

  function receive() {
    const message = props.value;
    if (!message || (face && message.id < face.id)) return; // an earlier face's late news
    if (!message.id) {
      // no face to begin with
      slot('verdict').textContent = message.note;
      root.setAttribute('aria-busy', 'false');
      return;
    }
    const fresh = !face || message.id !== face.id;
    face = decode(message);
    if (fresh) begin();
    drawSmallest();
    draw();
    root.dataset.ready = face.id;
    root.setAttribute('aria-busy', String(!isScored(face)));
  }

  function move(value) {
    epsilon = value;
    draw();
  }

  function download() {
    canvas('adversarial').toBlob((blob) => {
      const file = document.createElement('a');
      file.href = URL.createObjectURL(blob);
      file.download = `adversarial_${face.model}_${root.dataset.epsilon}.png`;
      file.click();
      setTimeout(() => URL.revokeObjectURL(file.href), 10000);
    });
  }

  async function copyLink({ target }) {
    const word = face.link.face ? 'viewer.copied' : 'viewer.copied_without';
    const said = await copy(window.location.href).then(
      () => word,
      () => 'viewer.not_copied',
    );
    target.textContent = say(said);
    setTimeout(() => {
      target.textContent = say('viewer.link');
    }, 2000);
  }

  translate(root);
  follow(root, 'epsilon', move);
  root.querySelector('.download').addEventListener('click', download);
  root.querySelector('.copy').addEventListener('click', copyLink);
  root.querySelector('.enrol-stranger').addEventListener('click', () => trigger('select', {}));
  root.querySelector('.steps').addEventListener('click', () => trigger('click', {}));
  new ResizeObserver(() => {
    if (!face) return;
    draw();
    drawSmallest();
  }).observe(root);
  watch('value', receive);
  receive();
}
