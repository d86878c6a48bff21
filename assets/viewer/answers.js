// In words and bars: whom the recogniser takes the face on the stage for.
import { distanceOf, heightOf } from '../shared/distance.js';
import { drawPhotograph, make } from '../shared/dom.js';
import { inLevels, notation, percent } from '../shared/formats.js';
import { say } from '../shared/texts.js';
import { nearestOf, ranked } from './ranking.js';

// How sure the recogniser is of one of `probabilities`: a percentage or, where it compares faces, a distance.
export function sureness(face, probabilities, index, digits = 1) {
  if (face.unknown === null) return percent(probabilities[index], digits);
  return say('verdict.distance', { distance: distanceOf(face, probabilities, index).toFixed(2) });
}

// Whom the face is taken for, and how surely; of a face that is nobody's, who comes nearest.
export function takenFor(face, probabilities) {
  const [{ index }] = ranked(probabilities);
  if (index === face.unknown) return face.names[index];
  return `${face.names[index]}, ${sureness(face, probabilities, index)}`;
}

export function nearest(face, probabilities) {
  const person = nearestOf(face, probabilities);
  return { person: face.names[person], distance: distanceOf(face, probabilities, person).toFixed(2) };
}

// Which sentence it is, the server has said (see fgsm/measures/outcomes.py).
export function verdictAt(face, at, probabilities) {
  const { verdicts, attacked, names, epsilons, unknown, threshold } = face;
  const [{ index }] = ranked(probabilities);
  const near = unknown === null ? {} : nearest(face, probabilities);
  return say(`verdict.${verdicts[at]}`, {
    attacked: names[attacked],
    taken: names[index],
    confidence: sureness(face, probabilities, index, 0),
    epsilon: notation(epsilons[at]),
    levels: inLevels(epsilons[at]),
    nearest: near.person,
    distance: near.distance,
    threshold: threshold?.toFixed(2),
  });
}

// What has become of a face that is taken for `index`; each looks its own way.
export function outcomeOf({ attacked, target, unknown }, index) {
  if (index === attacked) return index === unknown ? 'unknown' : 'still';
  if (index === unknown) return 'unknown';
  if (index === target) return 'reached';
  return target === null ? 'taken' : 'missed';
}

// Of an attack that aims at somebody: whether it got away from the one and whether it became the other.
export function goalsOf(face, probabilities, first) {
  const { attacked, target, names, unknown } = face;
  const about = { target: names[target], confidence: sureness(face, probabilities, target) };
  const missed = unknown === null ? 'goal.not_impersonated' : 'goal.not_near';
  const become = say(first.index === target ? 'goal.impersonated' : missed, about);
  if (attacked === unknown) return become; // there is nobody to get away from
  const dodged = first.index === attacked ? 'goal.not_dodged' : 'goal.dodged';
  return `${say(dodged, { attacked: names[attacked] })} ${become}`;
}

// What a file of the adversarial image would be taken for, and whether that differs from the float image.
export function fileAt(face, at, first) {
  const { scores, same_8bit, epsilons } = face;
  const inFile = scores['8-bit'][same_8bit[at]];
  const [{ index }] = ranked(inFile);
  const differs = index !== first.index;
  const saved = { who: takenFor(face, inFile) };
  const isOriginal = 255 * epsilons[at] < 0.5 && epsilons[at] > 0;
  const sentences = [say(differs ? 'viewer.but_saved' : 'viewer.saved', saved)];
  if (isOriginal) sentences.push(say('viewer.file_is_original'));
  return { differs, sentence: sentences.join(' ') };
}

function makeRow(list) {
  const row = make('li', list);
  const photograph = make('img', row);
  photograph.alt = '';
  return {
    row,
    photograph,
    name: make('span', row, '', 'name'),
    bar: make('i', make('span', row, undefined, 'bar')),
    number: make('output', row, ''),
  };
}

// Returns what fills `list` with the people who get most of some probabilities; `fooling` is the class index of whom the
// face is taken for instead. Where faces are compared, a number is a distance, and nobody is farther away than the
// threshold. Its rows stay, since they are filled with every step of the slider.
export function topIn(list) {
  let rows = [];

  return (face, probabilities, fooling) => {
    const { labels, names, attacked, references, unknown } = face;
    const top = ranked(probabilities);
    if (rows.length !== top.length || !list.childElementCount) {
      list.replaceChildren();
      rows = top.map(() => makeRow(list));
    }
    top.forEach(({ probability, index }, at) => {
      const { row, photograph, name, bar, number } = rows[at];
      row.className = index === attacked ? 'attacked' : index === fooling ? 'fooling' : '';
      row.classList.toggle('unknown', index === unknown);
      drawPhotograph(photograph, references[labels[index]]);
      name.textContent = name.title = names[index];
      bar.style.width = percent(heightOf(face, probabilities, index), 2);
      const distance = unknown === null ? null : distanceOf(face, probabilities, index).toFixed(2);
      number.textContent = index === unknown ? `> ${distance}` : (distance ?? percent(probability));
    });
  };
}
