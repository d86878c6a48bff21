// What the server sends for one face (see fgsm/page/messages.py, StageMessage), with its arrays unpacked.
import { say } from '../shared/texts.js';
import { unpack } from './pixels.js';

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Probabilities by position, from lists of [positions, probabilities of all of them].
function byPosition(parts, classes) {
  const scores = [];
  for (const [positions, text] of parts) {
    const values = new Float32Array(bytes(text).buffer);
    positions.forEach((at, row) => {
      scores[at] = values.subarray(row * classes, (row + 1) * classes);
    });
  }
  return scores;
}

// What of a message about a face names people.
const people = ({ labels, references, unknown }) => ({
  names: labels.map((label, index) => (index === unknown ? say('label.unknown') : label)),
  references: Object.assign(Object.create(null), references), // any name may be a person's
});

// What is not unpacked is read from the message itself.
export function decode(message) {
  const { size, sign, images, scores, labels, pixels } = message;
  return Object.assign(Object.create(message), people(message), {
    pixels: bytes(pixels),
    sign: sign === null ? null : unpack(bytes(sign), size * size * 3),
    images: Object.fromEntries(Object.entries(images).map(([at, text]) => [at, bytes(text)])),
    scores: {
      float: byPosition(scores.float, labels.length),
      '8-bit': byPosition(scores['8-bit'], labels.length),
    },
  });
}

// The same for one of all recognisers (LaneMessage).
export function decodeLane(message) {
  return Object.assign(Object.create(message), people(message), {
    scores: byPosition(message.scores, message.labels.length),
  });
}

// Of how many epsilons, as a share, there is an answer in both scorings.
export function scored({ epsilons, scores, same_8bit }) {
  return epsilons.filter((_, at) => scores.float[at] && scores['8-bit'][same_8bit[at]]).length / epsilons.length;
}
