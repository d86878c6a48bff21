// What every drawing of a measurement shows beside its drawing: state, progress, a sentence, notes, where the results come
// from, and that another measurement is on its way.
import { hear, make, tell } from './dom.js';
import { say } from './texts.js';

const TABS = ['curve', 'transfer']; // ids of the drawings, which are named like their tabs and buttons
const isRunning = (id) => document.querySelector(`#${id} [data-state]`)?.dataset.state === 'running';

// Returns what draws all of it from a message (see Measured in fgsm/page/messages.py). `handOut` asks for the files of
// what came with the page, once it is seen.
export function measuredIn(root, handOut) {
  const own = TABS.find((id) => root.closest(`#${id}`));
  const elsewhere = root.querySelector('.elsewhere');
  let shipped = null;
  let asked = false;

  function drawOthers() {
    const other = TABS.find((id) => id !== own && isRunning(id));
    elsewhere.hidden = !other;
    if (!other) return;
    elsewhere.querySelector('span').textContent = say('measured.elsewhere', { tab: say(`page.${other}`) });
    elsewhere.querySelector('button').value = other;
  }

  function look() {
    drawOthers();
    if (!shipped || asked || !root.clientWidth) return;
    asked = true;
    handOut();
  }

  elsewhere.querySelector('button').addEventListener('click', ({ currentTarget }) => {
    document.getElementById(`${currentTarget.value}-stop`)?.click();
  });
  hear(root, 'measuring', drawOthers);
  new ResizeObserver(look).observe(root);

  return ({ state, progress, message, notes, shipped: came }) => {
    shipped = came;
    root.dataset.state = state;
    root.querySelector('progress').value = progress;
    root.querySelector('.message').textContent = came ? say('measured.shipped', came) : message;
    const below = root.querySelector('.notes');
    below.replaceChildren();
    for (const note of notes) make('p', below, note);
    look();
    tell('measuring');
  };
}
