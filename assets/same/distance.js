// How far two faces are from each other, from what the recogniser says of them.

// Its logits are -sharpness times the distance for the person, who comes first, and -sharpness times the threshold for
// nobody, who comes second; their probabilities are these logits after softmax.
export const distanceOf = ([person, nobody], { threshold, sharpness }) =>
  threshold + (Math.log(nobody) - Math.log(person)) / sharpness;

// Whether faces so far from each other count as one person's.
export const isSame = (distance, { threshold }) => distance <= threshold;

export const written = (distance) => distance.toFixed(3);
