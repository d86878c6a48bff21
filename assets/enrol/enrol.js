// Adding people of one's own: pictures from the camera, files or the stage; each is seen before it is used; from
// fgsm/page/enrol_events.py.
import { make, translate } from '../shared/dom.js';
import { say } from '../shared/texts.js';
import { send } from '../shared/upload.js';
import { cameraIn } from '../shared/video.js';
import { allNamed, groupsOf } from './groups.js';

const AT_ONCE = 5; // pictures that the server is told of at once
const MOST = 200;
const PATIENCE = 60_000; // milliseconds for these

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.enrol');
  const part = (selector) => root.querySelector(selector);
  const form = part('form');
  const name = part('.name input');
  const agreed = part('.agree input');
  const camera = cameraIn(part('video'));

  const waiting = []; // files that are yet to be sent
  let sending = false;
  let nameWanted = false;
  let answered = 0;
  let done = () => {}; // called when the server has looked at a batch

  const drafted = () => props.value?.drafted ?? [];

  function tell(selector, sentence) {
    part(selector).textContent = sentence;
    part(selector).hidden = !sentence;
  }

  async function sendBatch(batch) {
    const files = waiting.splice(0, AT_ONCE);
    const sent = await Promise.allSettled(files.map(send));
    const there = files.map((file, at) => ({ file: file.name, name: sent[at].value })).filter((one) => one.name);
    const answered = new Promise((resolve) => {
      done = (answer) => answer === batch && resolve();
      setTimeout(resolve, PATIENCE); // where the server refused even to hear of it
    });
    const names = there.map((one) => one.name);
    trigger('upload', { names, files: there.map((one) => one.file), batch });
    await answered;
    const failed = sent.find(({ status }) => status === 'rejected');
    if (failed) tell('.problem', failed.reason.message);
  }

  async function bring(files) {
    waiting.push(...[...files].slice(0, Math.max(0, MOST - waiting.length)));
    if (sending) return;
    sending = true;
    tell('.problem', '');
    for (let batch = 1; waiting.length; batch++) {
      tell('.sending', say('enrol.sending', { count: waiting.length }));
      await sendBatch(batch);
    }
    sending = false;
    tell('.sending', '');
  }

  function closeCamera() {
    camera.close();
    part('.live').hidden = true;
  }

  async function openCamera() {
    tell('.trouble', '');
    try {
      part('.live').hidden = false;
      if (await camera.open()) part('.snap').focus();
    } catch {
      closeCamera();
      tell('.trouble', say('camera.refused'));
    }
  }

  function drawPicture(parent, { number, photograph, face, faces }) {
    const figure = make('figure', parent);
    const square = make(faces > 1 ? 'button' : 'div', figure, undefined, 'square');
    Object.assign(make('img', square), { src: photograph, alt: '' });
    if (faces > 1) {
      square.type = 'button';
      square.ariaLabel = square.title = say('enrol.face', { face, faces });
      make('span', square, `${face}/${faces}`);
      square.addEventListener('click', () => trigger('select', { number }));
    }
    const drop = make('button', figure, '×', 'push drop');
    drop.type = 'button';
    drop.ariaLabel = drop.title = say('enrol.drop');
    drop.addEventListener('click', () => trigger('clear', { number }));
  }

  function drawDraft() {
    const groups = groupsOf(drafted(), name.value);
    const people = part('.drafted');
    people.replaceChildren();
    if (!groups.length) make('p', people, say('enrol.empty'), 'hint');
    for (const [person, pictures] of groups) {
      const group = make('div', people, undefined, 'group');
      if (groups.length > 1 || !name.value.trim()) make('b', group, person ?? say('enrol.no_name'));
      for (const picture of pictures) drawPicture(group, picture);
    }
    name.required = !allNamed(groups);
    part('.add').disabled = !groups.length;
  }

  function drawPerson(list, person, photograph) {
    const row = make('li', list);
    const show = make('button', row, undefined, 'show');
    show.type = 'button';
    show.ariaLabel = show.title = say('enrol.show', { person });
    Object.assign(make('img', show), { src: photograph, alt: '' });
    show.addEventListener('click', () => {
      trigger('click', { person });
      lookAtStage();
    });
    const field = Object.assign(make('input', row), { value: person, maxLength: 60, autocomplete: 'off' });
    field.ariaLabel = say('enrol.rename', { person });
    field.addEventListener('change', () => trigger('edit', { person, name: field.value }));
    const remove = make('button', row, '×', 'push remove');
    remove.type = 'button';
    remove.ariaLabel = remove.title = say('enrol.remove', { person });
    remove.addEventListener('click', () => trigger('delete', { person }));
  }

  function drawPeople(people) {
    const list = part('.people ul');
    list.replaceChildren();
    part('.people').hidden = !people.length;
    for (const one of people) drawPerson(list, one.name, one.photograph);
  }

  // With the slider above it.
  function lookAtStage() {
    document.querySelector('#epsilon')?.scrollIntoView({ behavior: 'smooth', block: 'start' });
  }

  function begin() {
    name.value = '';
    agreed.checked = false;
    closeCamera();
    lookAtStage();
  }

  // The field takes the focus as soon as it is seen: the tab may yet have to come to the front.
  function askName() {
    if (!nameWanted || !root.clientWidth) return;
    nameWanted = false;
    name.focus();
  }

  function draw() {
    if (!props.value) return drawDraft();
    const { people, notes, problem, batch, added, asked } = props.value;
    if (added) begin();
    drawDraft();
    drawPeople(people);
    part('.notes').replaceChildren();
    for (const note of notes) make('p', part('.notes'), note);
    if (added && root.clientWidth) part('.notes').scrollIntoView({ block: 'nearest' });
    tell('.problem', problem);
    done(batch);
    nameWanted ||= asked > answered;
    answered = asked;
    askName();
  }

  function choose(input) {
    bring(input.files);
    input.value = ''; // so that the same files count as chosen again
  }

  translate(root);
  if (!window.isSecureContext) {
    part('.open').hidden = true;
    part('.take').hidden = false;
    tell('.trouble', say('camera.https'));
  }
  part('.open').addEventListener('click', openCamera);
  part('.close').addEventListener('click', closeCamera);
  part('.snap').addEventListener('click', async () => {
    const picture = await camera.snap();
    if (picture) bring([picture]);
  });
  part('.stage').addEventListener('click', () => trigger('apply', {}));
  for (const input of root.querySelectorAll('input[type=file]')) input.addEventListener('change', () => choose(input));
  name.addEventListener('input', drawDraft);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    tell('.problem', '');
    trigger('submit', { name: name.value, agreed: agreed.checked });
  });
  new ResizeObserver(() => {
    if (root.clientWidth) askName();
    else closeCamera(); // another tab is looked at
  }).observe(root);
  watch('value', draw);
  root.hidden = false; // before, nothing that is chosen would be heard
  draw();
}
