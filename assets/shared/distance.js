// Distances of a recogniser that compares faces, which its probabilities came from (see fgsm/recognizers/enrolled.py).
const FARTHEST = 1; // that is drawn: two strangers are hardly ever farther apart

// The distance to class index `index`; to that of nobody, the threshold. `face` is a message of the stage's.
export function distanceOf({ threshold, sharpness, unknown }, probabilities, index) {
  const log = (at) => Math.log(Math.max(probabilities[at], Number.MIN_VALUE));
  return threshold + (log(unknown) - log(index)) / sharpness;
}

// How near the top somebody stands, in [0, 1]: by confidence or, where faces are compared, by nearness.
export function heightOf(face, probabilities, index) {
  if (face.unknown === null) return probabilities[index];
  return Math.max(0, 1 - distanceOf(face, probabilities, index) / FARTHEST);
}
