// Distances of a recogniser that compares faces, which its probabilities came from (see fgsm/recognizers/enrolled.py).
export const FARTHEST = 1; // that is drawn: two strangers are hardly ever farther apart

// The distance to class index `index`; to that of nobody, the threshold. `face` is a message of the stage's.
export function distanceOf({ threshold, sharpness, unknown }, probabilities, index) {
  const log = (at) => Math.log(Math.max(probabilities[at], Number.MIN_VALUE));
  return threshold + (log(unknown) - log(index)) / sharpness;
}
