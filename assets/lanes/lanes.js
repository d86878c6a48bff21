// All recognisers at once: a lane for each, about the face on the stage, moved by the stage's slider. Nothing is asked
// for while it is folded, nor before the stage has all its answers (see fgsm/page/lanes.py).
import { drawPhotograph, hear, make, tell, translate } from '../shared/dom.js';
import { inLevels } from '../shared/formats.js';
import { recogniser, say } from '../shared/texts.js';
import { takenFor } from '../viewer/answers.js';
import { decodeLane } from '../viewer/message.js';
import { positionOf } from '../viewer/pixels.js';
import { ranked, stretches } from '../viewer/ranking.js';

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.lanes');
  const select = root.querySelector('select');
  const list = root.querySelector('ul');
  let stage = null; // what it shows: { id, epsilon, settled }
  let asked = ''; // about which attack, made on whom
  let complete = true;
  let rows = []; // one for each lane: its message, decoded, and what of it moves
  let unfolded = false;

  function ask() {
    const wanted = `${stage?.id} ${select.value}`;
    if (!unfolded || !stage?.settled || wanted === asked) return;
    asked = wanted;
    trigger('apply', { made_on: select.value });
  }

  function drawTrack(track, lane) {
    const last = lane.epsilons.length - 1;
    const answers = lane.epsilons.map((_, at) => lane.scores[lane.same_8bit[at]]);
    const hits = stretches(lane, answers);
    for (const { from, to } of hits) {
      const part = make('i', track, undefined, 'lost');
      part.style.left = `${(100 * from) / last}%`;
      part.style.width = `${(100 * (to - from)) / last}%`;
    }
    if (hits.length) make('i', track, undefined, 'tick').style.left = `${(100 * hits[0].from) / last}%`;
    return hits[0];
  }

  // Where its recogniser is led astray, in words; `lane.made_on` is not `maker` where it cannot be.
  function tipOf(lane, tip, maker) {
    const aimed = lane.target === null ? '' : '_target';
    const levels = tip && inLevels(lane.epsilons[tip.from]);
    const target = lane.names[lane.target];
    const said = say(tip ? `lanes.tips${aimed}` : `lanes.never${aimed}`, { levels, target });
    return lane.made_on !== maker && maker ? `${said} ${say('lanes.own')}` : said;
  }

  function drawLane(message, maker) {
    const lane = decodeLane(message);
    const row = make('li', list);
    row.dataset.recogniser = lane.model;
    make('span', row, recogniser(lane.model), 'name');
    const photograph = make('img', row);
    const taken = make('span', row, undefined, 'taken');
    const name = make('b', taken, lane.problem);
    if (lane.problem) return { lane, draw: () => {} };
    const tips = make('small', taken);
    const track = make('span', row, undefined, 'track');
    tips.textContent = tipOf(lane, drawTrack(track, lane), maker);
    const here = make('i', track, undefined, 'here');

    function draw(epsilon) {
      const at = positionOf(lane.epsilons, epsilon);
      here.style.left = `${(100 * at) / (lane.epsilons.length - 1)}%`;
      const answer = lane.scores[lane.same_8bit[at]];
      if (!answer) return;
      const [{ index }] = ranked(answer, 1);
      row.classList.toggle('fooled', index !== lane.attacked && index !== lane.unknown);
      row.classList.toggle('unknown', index === lane.unknown);
      row.dataset.prediction = lane.labels[index];
      name.textContent = takenFor(lane, answer);
      const source = lane.references[lane.labels[index]];
      photograph.alt = source ? say('viewer.reference_label', { person: lane.names[index] }) : '';
      drawPhotograph(photograph, source);
    }
    return { lane, draw };
  }

  function drawWaiting(name) {
    const row = make('li', list, undefined, 'waiting');
    make('span', row, recogniser(name), 'name');
    make('span', row, say('viewer.asking', { recogniser: recogniser(name) }), 'taken');
  }

  function drawChoices(models) {
    if (select.options.length === models.length + 1) return;
    for (const option of [...select.options].slice(1)) option.remove();
    for (const model of models) make('option', select, recogniser(model)).value = model;
  }

  function move() {
    const { id, made_on } = props.value ?? {};
    const old = stage.asking || id !== stage.id || made_on !== select.value;
    root.classList.toggle('old', old);
    root.ariaBusy = String(unfolded && (old || !complete));
    for (const { draw } of rows) draw(stage.epsilon);
  }

  function receive() {
    if (!props.value) return;
    const { models, lanes, made_on } = props.value;
    drawChoices(models);
    list.replaceChildren();
    rows = lanes.map((lane) => drawLane(lane, made_on));
    const here = new Set(lanes.map(({ model }) => model));
    for (const model of models) if (!here.has(model)) drawWaiting(model);
    const isWhole = ({ lane }) => lane.problem || lane.epsilons.every((_, at) => lane.scores[lane.same_8bit[at]]);
    complete = rows.length === models.length && rows.every(isWhole);
    if (stage) move();
  }

  translate(root);
  hear(root, 'moved', (detail) => {
    stage = detail;
    if (unfolded) move();
    ask();
  });
  select.addEventListener('change', () => {
    if (stage) move();
    ask();
  });
  new ResizeObserver(([{ contentRect }]) => {
    unfolded = contentRect.width > 0;
    if (!unfolded && root.ariaBusy === 'true') asked = ''; // it may never have reached the server
    if (stage && unfolded) move();
    ask();
  }).observe(root);
  watch('value', receive);
  tell('where'); // it may be unfolded long after the stage has said so
}
