// What the page has asked the server for and not been answered yet (see assets/asking/asking.js).
import { recogniser, say } from '../shared/texts.js';
import { scored } from './message.js';

const SOON = 1000; // milliseconds: who waits longer is shown how far it is

// Calls `changed` when something is asked for, and when the last of it has been answered.
export function askedFor(root, changed) {
  let last = { number: 0, model: null };
  const pending = new Set(); // numbers of what has been asked; two may be answered in either order
  let refused = 0; // the last that was
  let since = performance.now();

  root.addEventListener('asked', ({ detail }) => {
    last = detail;
    pending.add(last.number);
    since = performance.now();
    changed();
    setTimeout(changed, SOON + 1);
  });
  root.addEventListener('answered', ({ detail }) => {
    pending.delete(detail.number);
    if (detail.refused) refused = detail.number;
    changed();
  });

  // Whether what is shown was chosen before: then no answer may stand under it. A face answers what it was asked for,
  // and all before that.
  function isOld(face) {
    const answered = face?.asked ?? 0;
    for (const number of pending) if (number <= answered) pending.delete(number);
    return pending.size > 0;
  }

  // Whether what was chosen last was refused, so that what is shown was chosen before.
  const isKept = (face) => refused > 0 && refused === last.number && face.asked < last.number;

  function drawProgress(bar, face) {
    const share = isOld(face) || !face ? 0 : scored(face);
    const passed = performance.now() - since;
    const left = share ? passed / share - passed : passed;
    bar.classList.toggle('slow', share < 1 && (left > SOON || (!share && passed > SOON)));
    if (share) bar.value = share;
    else bar.removeAttribute('value');
  }

  return {
    isOld,
    isKept,
    drawProgress,
    question: () => say('viewer.asking', { recogniser: recogniser(last.model) }),
  };
}
