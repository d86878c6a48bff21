// Who a face is taken for.
export const TOP = 5;

// The `count` likeliest people, the likeliest first; of equals the one who stands first in the list.
export function ranked(probabilities, count = TOP) {
  return Array.from(probabilities, (probability, index) => ({ probability, index }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}

// The person to compare with the attacked one: the target, or the likeliest other one.
export function rivalOf({ attacked, target, unknown }, probabilities) {
  if (target !== null) return target;
  return ranked(probabilities).find(({ index }) => index !== attacked && index !== unknown)?.index ?? attacked;
}

// The likeliest person, whether or not the face is near enough to count as that person's.
export const nearestOf = ({ unknown }, probabilities) =>
  ranked(probabilities).find(({ index }) => index !== unknown)?.index ?? unknown;
