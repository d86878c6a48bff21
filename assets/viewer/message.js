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

// What is not unpacked is read from the message itself.
export function decode(message) {
  const { size, sign, images, scores, labels, pixels, references, unknown } = message;
  return Object.assign(Object.create(message), {
    names: labels.map((label, index) => (index === unknown ? say('label.unknown') : label)),
    pixels: bytes(pixels),
    sign: sign === null ? null : unpack(bytes(sign), size * size * 3),
    images: Object.fromEntries(Object.entries(images).map(([at, text]) => [at, bytes(text)])),
    scores: {
      float: byPosition(scores.float, labels.length),
      '8-bit': byPosition(scores['8-bit'], labels.length),
    },
    references: Object.assign(Object.create(null), references), // any name may be a person's
  });
}

// Whether there is an answer at every epsilon, in both scorings.
export function isScored({ epsilons, scores, same_8bit }) {
  return epsilons.every((_, at) => scores.float[at] && scores['8-bit'][same_8bit[at]]);
}
