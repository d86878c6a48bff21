// The stage: draws one attacked face at any epsilon from what the server sent once (see fgsm/page/stage.py).
import { copy, link } from '../shared/address.js';
import { drawPhotograph, hear, tell, translate } from '../shared/dom.js';
import { notation } from '../shared/formats.js';
import { paint } from '../shared/paint.js';
import { follow, pronounce } from '../shared/slider.js';
import { recogniser, say } from '../shared/texts.js';
import { fileAt, goalsOf, nearest, outcomeOf, takenFor, topIn, verdictAt } from './answers.js';
import { askedFor } from './asked.js';
import { flipOn } from './flip.js';
import { keysIn } from './keys.js';
import { loupeIn } from './loupe.js';
import { decode, scored } from './message.js';
import { clamp, mover, positionOf, rint } from './pixels.js';
import { ranked, rivalOf } from './ranking.js';
import { presentOn } from './present.js';
import { describeSmallest, stripIn } from './strip.js';

const LONG = 90; // letters of a sentence that is written smaller
const NOTHING = '\u00a0'; // which keeps a line's height

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.stage');
  const slot = (name) => root.querySelector(`[data-show="${name}"]`);
  const canvas = (name) => root.querySelector(`canvas[data-testid="${name}"]`);

  let face = null; // the message being shown, decoded
  let settling; // timer that puts a view at rest into the page's address
  let epsilon = 0; // what the slider says, before it is put on the grid of scored epsilons
  let flipped = false;
  const here = () => positionOf(face.epsilons, epsilon);

  function drawPictures(at) {
    const { size, gain, pixels, attack, epsilons } = face;
    const moved = mover(face, at);
    paint(canvas('perturbation'), size, (i) => clamp(rint(128 + gain * (moved(i) - pixels[i]))));
    paint(canvas('adversarial'), size, flipped ? (i) => pixels[i] : (i) => rint(moved(i)));
    slot('which').textContent = say(flipped ? 'viewer.original' : 'viewer.adversarial');
    slot('change').textContent = say(attack.change, { epsilon: notation(epsilons[at]) });
    slot('gain').textContent = gain === 1 ? say('viewer.not_amplified') : say('viewer.amplified', { gain });
  }

  // No answer of an earlier face or epsilon, or to an earlier choice, may stand under a new one.
  function drawWaiting(sentence) {
    root.dataset.outcome = root.dataset.prediction = '';
    slot('verdict').textContent = sentence;
    for (const name of ['adversarial', 'taken', 'file', 'goals']) slot(name).textContent = NOTHING;
    slot('file').classList.remove('differs');
    drawReference('reference', null);
    slot('adversarial-top').replaceChildren();
    canvas('adversarial').ariaLabel = say('viewer.adversarial_label');
  }

  function drawReference(name, label) {
    const photograph = face?.references[label];
    drawPhotograph(slot(name), photograph);
    slot(name).alt = photograph ? say('viewer.reference_label', { person: label }) : '';
  }

  function drawWanted() {
    const { target, labels, names } = face;
    root.querySelector('.wanted').hidden = target === null;
    if (target === null) return;
    slot('wanted-name').textContent = names[target];
    drawReference('wanted', labels[target]);
  }

  function drawClean() {
    const answer = face.scores.float[0];
    const person = face.names[ranked(answer)[0].index];
    slot('clean').textContent = takenFor(face, answer);
    canvas('original').ariaLabel = say('viewer.original_known', { person });
  }

  function drawAnswers(at) {
    const { scores, same_8bit, attacked, labels, names, target, smallest, attack, unknown } = face;
    const answer = scores.float[at];
    if (!answer || !scores['8-bit'][same_8bit[at]]) return drawWaiting(say('viewer.waiting'));
    const [first] = ranked(answer);
    const person = names[first.index];
    const fooled = first.index !== attacked;
    root.dataset.outcome = outcomeOf(face, first.index);
    root.dataset.prediction = labels[first.index];
    slot('adversarial').textContent = takenFor(face, answer);
    const nobody = first.index === unknown;
    slot('relation').textContent = say(nobody ? 'viewer.is' : fooled ? 'viewer.taken_for' : 'viewer.recognised_as');
    slot('taken').textContent = person;
    drawReference('reference', labels[first.index]);
    slot('about').textContent = nobody ? say('viewer.nearest', nearest(face, answer)) : say('viewer.reference');
    const verdict = verdictAt(face, at, answer);
    slot('verdict').textContent = verdict;
    slot('verdict').classList.toggle('long', verdict.length > LONG);
    if (target !== null) slot('goals').textContent = goalsOf(face, answer, first);
    slot('hint').hidden = target === null || !attack.offers || !smallest || Boolean(smallest.float);
    const rival = rivalOf(face, answer);
    drawStrip(face, at, rival);
    slot('strip-attacked').textContent = names[attacked];
    slot('strip-rival').textContent = names[rival];
    const file = fileAt(face, at, first);
    slot('file').textContent = file.sentence;
    slot('file').classList.toggle('differs', file.differs);
    const seen = nobody ? 'unknown' : fooled ? 'taken' : 'still';
    canvas('adversarial').ariaLabel = say(`viewer.adversarial_${seen}`, { person });
    listTop(face, answer, first.index);
  }

  function drawSmallest(old) {
    const smallest = old ? null : face.smallest;
    root.dataset.smallest = smallest?.float ? notation(smallest.float.epsilon) : '';
    slot('smallest').textContent = smallest ? describeSmallest(face) : NOTHING;
  }

  // Those who hear the page hear what the stage comes to rest at, not each step of the way there.
  function rest(value) {
    if (root.getAttribute('aria-busy') === 'true') return;
    slot('heard').textContent = `${slot('verdict').textContent} ${slot('smallest').textContent}`;
    link({ ...face.link, epsilon: value }); // browsers limit how often
  }

  function tellWhere() {
    if (!face) return;
    const settled = root.getAttribute('aria-busy') === 'false';
    tell('moved', { id: face.id, epsilon, settled, asking: asked.isOld(face) });
  }

  function draw() {
    if (!face) return;
    const at = here();
    const value = notation(face.epsilons[at]);
    root.dataset.epsilon = value;
    drawPictures(at);
    drawClean();
    if (asked.isOld(face)) drawWaiting(asked.question());
    else drawAnswers(at);
    drawLoupe();
    pronounce('epsilon', face.epsilons[at]);
    tellWhere();
    clearTimeout(settling);
    settling = setTimeout(() => rest(value), 300);
  }

  // What has been asked and is not answered yet dims the stage; `aria-busy` says so until all of it is there.
  function drawBusy() {
    const old = asked.isOld(face);
    root.classList.toggle('asking', old);
    root.setAttribute('aria-busy', String(old || !face || scored(face) < 1));
    asked.drawProgress(root.querySelector('.progress'), face);
    if (!face) return;
    if (!old) tell('shown', { person: face.person, wanted: face.wanted }); // and not what was refused
    drawSmallest(old);
    const kept = asked.isKept(face) && say('viewer.kept', { recogniser: recogniser(face.model) });
    slot('attacked').textContent = kept || face.note;
    draw();
  }

  function begin() {
    if (face.epsilon !== null) epsilon = face.epsilon;
    paint(canvas('original'), face.size, (i) => face.pixels[i]);
    drawWanted();
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
      tell('shown', { person: null, wanted: null });
      root.setAttribute('aria-busy', 'false');
      return;
    }
    const fresh = !face || message.id !== face.id;
    face = decode(message);
    if (fresh) begin();
    root.dataset.ready = face.id;
    drawBusy();
  }

  function move(value) {
    if (value === epsilon) return; // Gradio says it once more
    epsilon = value;
    draw();
  }

  function download() {
    const picture = document.createElement('canvas'); // the one that is seen may show the original
    const moved = mover(face, here());
    paint(picture, face.size, (i) => rint(moved(i)));
    picture.toBlob((blob) => {
      const file = document.createElement('a');
      file.href = URL.createObjectURL(blob);
      file.download = `adversarial_${face.model}_${root.dataset.epsilon}.png`;
      file.click();
      setTimeout(() => URL.revokeObjectURL(file.href), 10000);
    });
  }

  async function copyLink({ target }) {
    link({ ...face.link, epsilon: root.dataset.epsilon }); // at rest or not
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

  const asked = askedFor(root, drawBusy);
  const listTop = topIn(slot('adversarial-top'));
  const drawStrip = stripIn(root.querySelector('.strip svg'), draw);
  const drawLoupe = loupeIn(root, () => ({ face, at: face && here() }));
  flipOn(root, canvas('adversarial'), (now) => {
    flipped = now;
    if (face) drawPictures(here());
  });
  presentOn(root);
  keysIn(root);
  hear(root, 'where', tellWhere);
  translate(root);
  follow(root, 'epsilon', move, (typed) => (face ? face.epsilons[positionOf(face.epsilons, typed)] : typed));
  root.querySelector('.download').addEventListener('click', download);
  root.querySelector('.copy').addEventListener('click', copyLink);
  root.querySelector('.enrol-stranger').addEventListener('click', () => trigger('select', {}));
  root.querySelector('.steps').addEventListener('click', () => trigger('click', {}));
  watch('value', receive);
  receive();
}
