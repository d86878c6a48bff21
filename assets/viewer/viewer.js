// The stage: draws one attacked face at any epsilon from what the server sent once (see fgsm/stage.py).
// Gradio runs this, after strip.js, as the body of a function with `element`, `props`, `trigger` and `watch`.
const root = element.querySelector('.stage');
const show = (name) => root.querySelector(`[data-show="${name}"]`);
const canvas = (name) => root.querySelector(`canvas[data-testid="${name}"]`);
const { say, translate, link, copy } = window.fgsm;
const TOP = 5;

translate(root);

let face = null; // the message being shown, decoded
let settling; // timer that puts a view at rest into the page's address
let epsilon = 0; // what the slider says, before it is put on the grid of scored epsilons

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function decode(message) {
  const count = message.size * message.size * 3;
  const sign = message.sign === null ? null : unpack(bytes(message.sign), count);
  const images = Object.fromEntries(Object.entries(message.images).map(([at, text]) => [at, bytes(text)]));
  const scores = {};
  for (const scoring of ['float', '8-bit']) {
    scores[scoring] = [];
    for (const [positions, text] of message.scores[scoring]) {
      const values = new Float32Array(bytes(text).buffer);
      const classes = message.labels.length;
      positions.forEach((at, row) => { scores[scoring][at] = values.subarray(row * classes, (row + 1) * classes); });
    }
  }
  const references = Object.assign(Object.create(null), message.references); // any name may be a person's
  return { ...message, pixels: bytes(message.pixels), sign, images, scores, references };
}

function unpack(packed, count) {
  const sign = new Int8Array(count);
  for (let i = 0; i < count; i++) sign[i] = (Math.floor(packed[Math.floor(i / 5)] / 3 ** (i % 5)) % 3) - 1;
  return sign;
}

// NumPy's rint: the nearest integer, a half to the even one.
function rint(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const clamp = (value) => Math.min(255, Math.max(0, value));

// How the adversarial image's value at place i, of H x W x 3, is known at position `at`: an attack in one step follows
// its signs, one in several steps was sent its images, where they have arrived.
function mover(at) {
  const { pixels, sign, images } = face;
  if (sign) {
    const change = 255 * face.epsilons[at];
    return (i) => clamp(pixels[i] + change * sign[i]);
  }
  const image = images[at] ?? pixels;
  return (i) => image[i];
}

// Draws an image whose value at place i, of H x W x 3, is value(i).
function paint(name, value) {
  const { size, pixels } = face;
  const target = canvas(name);
  if (target.width !== size || target.height !== size) target.width = target.height = size;
  const context = target.getContext('2d');
  const image = context.createImageData(size, size);
  for (let i = 0, j = 0; i < pixels.length; i++, j++) {
    image.data[j] = value(i);
    if (i % 3 === 2) image.data[++j] = 255;
  }
  context.putImageData(image, 0, 0);
}

function ranked(probabilities) {
  return Array.from(probabilities, (probability, index) => ({ probability, index }))
    .sort((a, b) => b.probability - a.probability).slice(0, TOP);
}

const percent = (probability, digits = 0) => `${(100 * probability).toFixed(digits)}%`;
const notation = (value) => Number(value.toPrecision(6)).toString();

// The same choice of sentence as report.verdict in Python.
function verdict(first, value) {
  const outcome = first.index === face.attacked ? (value === 0 ? 'unchanged' : 'still') : (value === 0 ? 'taken_unchanged' : 'taken');
  return say(`verdict.${outcome}`, {
    attacked: face.labels[face.attacked], taken: face.labels[first.index], confidence: percent(first.probability),
    epsilon: notation(value), levels: (255 * value).toFixed(1),
  });
}

function listTop(list, top, compared) {
  list.replaceChildren(...top.map(({ probability, index }) => {
    const label = face.labels[index];
    const row = document.createElement('li');
    row.className = index === face.attacked ? 'attacked' : index === compared ? 'fooling' : '';
    const photograph = document.createElement('img');
    photograph.alt = '';
    if (face.references[label]) photograph.src = face.references[label];
    const name = document.createElement('span');
    name.className = 'name';
    name.textContent = name.title = label;
    const bar = document.createElement('span');
    bar.className = 'bar';
    bar.append(document.createElement('i'));
    bar.firstChild.style.width = percent(probability, 2);
    const output = document.createElement('output');
    output.textContent = percent(probability, 1);
    row.append(photograph, name, bar, output);
    return row;
  }));
}

function drawPictures(at) {
  const { gain, pixels, attack } = face;
  const moved = mover(at);
  paint('perturbation', (i) => clamp(rint(128 + gain * (moved(i) - pixels[i]))));
  paint('adversarial', (i) => rint(moved(i)));
  const kind = { FGSM: 'gradient', 'random signs': 'random' }[attack] ?? 'steps';
  show('change').textContent = say(`viewer.change_${kind}`, { epsilon: notation(face.epsilons[at]) });
  show('gain').textContent = gain === 1 ? say('viewer.not_amplified') : say('viewer.amplified', { gain });
}

// No answer of an earlier face or epsilon may stand under a new picture.
function drawWaiting() {
  root.classList.remove('fooled');
  root.dataset.prediction = '';
  show('verdict').textContent = say('viewer.waiting');
  for (const name of ['adversarial', 'taken', 'file']) show(name).textContent = '\u00a0';
  show('file').classList.remove('differs');
  show('reference').removeAttribute('src');
  show('reference').alt = '';
  show('adversarial-top').replaceChildren();
  show('goals').textContent = '\u00a0';
  canvas('adversarial').ariaLabel = say('viewer.adversarial_label');
}

// Of an attack that aims at somebody: whether it got away from the one and whether it became the other.
function drawGoals(scored, first) {
  const { attacked, target, labels, attack, smallest } = face;
  const confidence = percent(scored[target], 1);
  const dodged = say(`goal.${first.index === attacked ? 'not_dodged' : 'dodged'}`, { attacked: labels[attacked] });
  const become = say(`goal.${first.index === target ? '' : 'not_'}impersonated`, { target: labels[target], confidence });
  show('goals').textContent = `${dodged} ${become}`;
  show('hint').hidden = !(attack === 'FGSM' && smallest && !smallest.float);
}

function drawScores(at) {
  const value = face.epsilons[at];
  const scored = face.scores.float[at];
  const stored = face.scores['8-bit'][face.same_8bit[at]];
  const clean = ranked(face.scores.float[0]);
  show('clean').textContent = `${face.labels[clean[0].index]}, ${percent(clean[0].probability, 1)}`;
  listTop(show('clean-top'), clean, -1);
  canvas('original').ariaLabel = say('viewer.original_known', { person: face.labels[clean[0].index] });
  if (!scored || !stored) return drawWaiting();
  const top = ranked(scored);
  const first = top[0];
  const label = face.labels[first.index];
  const fooled = first.index !== face.attacked;
  root.classList.toggle('fooled', fooled);
  root.dataset.prediction = label;
  show('adversarial').textContent = `${label}, ${percent(first.probability, 1)}`;
  show('relation').textContent = say(fooled ? 'viewer.taken_for' : 'viewer.recognised_as');
  show('taken').textContent = label;
  if (face.references[label]) show('reference').src = face.references[label];
  else show('reference').removeAttribute('src');
  show('reference').alt = face.references[label] ? say('viewer.reference_label', { person: label }) : '';
  show('verdict').textContent = verdict(first, value);
  if (face.target !== null) drawGoals(scored, first);
  drawStrip(at, rivalAt(scored));
  const [inFile] = ranked(stored);
  const file = show('file');
  const differs = inFile.index !== first.index;
  file.classList.toggle('differs', differs);
  const saved = { person: face.labels[inFile.index], confidence: percent(inFile.probability, 1) };
  file.textContent = say(differs ? 'viewer.but_saved' : 'viewer.saved', saved)
    + (255 * value < 0.5 && value > 0 ? ` ${say('viewer.file_is_original')}` : '');
  canvas('adversarial').ariaLabel = say(fooled ? 'viewer.adversarial_taken' : 'viewer.adversarial_still', { person: label });
  listTop(show('adversarial-top'), top, first.index);
}

function draw() {
  if (!face) return;
  const { epsilons } = face;
  const step = epsilons[epsilons.length - 1] / (epsilons.length - 1);
  const at = Math.min(epsilons.length - 1, Math.max(0, Math.round(epsilon / step)));
  root.dataset.epsilon = notation(epsilons[at]);
  drawPictures(at);
  drawScores(at);
  const range = document.querySelector('#epsilon input[type=range]');
  if (range) range.ariaValueText = say('viewer.slider_value', { epsilon: notation(epsilons[at]), levels: (255 * epsilons[at]).toFixed(1) });
  clearTimeout(settling);
  settling = setTimeout(() => link({ ...face.link, epsilon: notation(epsilons[at]) }), 300); // browsers limit how often
}

function receive() {
  const message = props.value;
  if (!message || (face && message.id < face.id)) return; // an earlier face's late news
  if (!message.id) { // no face to begin with
    show('verdict').textContent = message.note;
    return root.setAttribute('aria-busy', 'false');
  }
  const fresh = !face || message.id !== face.id;
  face = decode(message);
  if (fresh) {
    if (message.epsilon !== null) epsilon = message.epsilon;
    paint('original', (i) => face.pixels[i]);
    show('attacked').textContent = face.note;
    root.querySelector('.goals').hidden = face.target === null;
    show('hint').hidden = true;
    for (const button of root.querySelectorAll('button')) button.disabled = false;
  }
  drawSmallest();
  draw();
  root.dataset.ready = face.id;
  const scored = face.epsilons.every((_, at) => face.scores.float[at] && face.scores['8-bit'][face.same_8bit[at]]);
  root.setAttribute('aria-busy', String(!scored));
}

function move(value) {
  if (!Number.isFinite(value)) return;
  epsilon = value;
  draw();
}

// The finger, the keys and the number box: straight from the slider's own event.
function onInput(event) {
  if (!root.isConnected) return document.removeEventListener('input', onInput);
  if (event.target.closest?.('#epsilon')) move(parseFloat(event.target.value));
}
document.addEventListener('input', onInput);
// The reset button and values set from Python arrive through the slider's change event (see fgsm/tabs/attack_tab.py).
root.addEventListener('epsilon', (event) => move(event.detail));

root.querySelector('.download').addEventListener('click', () => {
  canvas('adversarial').toBlob((blob) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `adversarial_${face.model}_${root.dataset.epsilon}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
});

root.querySelector('.copy').addEventListener('click', async ({ target }) => {
  const word = face.link.face ? 'viewer.copied' : 'viewer.copied_without';
  target.textContent = say(await copy(window.location.href).then(() => word, () => 'viewer.not_copied'));
  setTimeout(() => { target.textContent = say('viewer.link'); }, 2000);
});

root.querySelector('.steps').addEventListener('click', () => trigger('click', {}));
new ResizeObserver(() => { draw(); if (face) drawSmallest(); }).observe(root);

watch('value', receive);
receive();
