// In words and bars: whom the recogniser takes the face on the stage for.
import { make } from '../shared/dom.js';
import { inLevels, notation, percent } from '../shared/formats.js';
import { say } from '../shared/texts.js';
import { ranked } from './ranking.js';

// Which sentence it is, the server has said (see fgsm/measures/report.py, outcome).
export function verdictAt({ verdicts, attacked, labels, epsilons }, at, first) {
  return say(`verdict.${verdicts[at]}`, {
    attacked: labels[attacked],
    taken: labels[first.index],
    confidence: percent(first.probability, 0),
    epsilon: notation(epsilons[at]),
    levels: inLevels(epsilons[at]),
  });
}

// Of an attack that aims at somebody: whether it got away from the one and whether it became the other.
export function goalsOf({ attacked, target, labels }, probabilities, first) {
  const confidence = percent(probabilities[target]);
  const dodged = first.index === attacked ? 'goal.not_dodged' : 'goal.dodged';
  const become = first.index === target ? 'goal.impersonated' : 'goal.not_impersonated';
  return `${say(dodged, { attacked: labels[attacked] })} ${say(become, { target: labels[target], confidence })}`;
}

// What a file of the adversarial image would be taken for, and whether that differs from the float image.
export function fileAt({ scores, same_8bit, labels, epsilons }, at, first) {
  const [inFile] = ranked(scores['8-bit'][same_8bit[at]]);
  const differs = inFile.index !== first.index;
  const saved = { person: labels[inFile.index], confidence: percent(inFile.probability) };
  const isOriginal = 255 * epsilons[at] < 0.5 && epsilons[at] > 0;
  const sentences = [say(differs ? 'viewer.but_saved' : 'viewer.saved', saved)];
  if (isOriginal) sentences.push(say('viewer.file_is_original'));
  return { differs, sentence: sentences.join(' ') };
}

// Fills `list` with the people of `top`; `fooling` is the class index of whom the face is taken for instead.
export function listTop(list, { labels, attacked, references }, top, fooling) {
  list.replaceChildren();
  for (const { probability, index } of top) {
    const label = labels[index];
    const row = make('li', list, undefined, index === attacked ? 'attacked' : index === fooling ? 'fooling' : '');
    const photograph = make('img', row);
    photograph.alt = '';
    if (references[label]) photograph.src = references[label];
    make('span', row, label, 'name').title = label;
    make('i', make('span', row, undefined, 'bar')).style.width = percent(probability, 2);
    make('output', row, percent(probability));
  }
}
