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

// From and to which positions, of those that there are answers for, a recogniser names somebody else than the one
// attacked or, aimed at somebody, that one.
export function stretches({ attacked, target }, answers) {
  const found = [];
  let open = null;
  answers.forEach((answer, at) => {
    const first = answer?.indexOf(Math.max(...answer)); // as `ranked` has it, but at every epsilon
    const hit = answer && (target === null ? first !== attacked : first === target);
    if (hit && !open) found.push((open = { from: at, to: at }));
    else if (hit) open.to = at;
    else open = null;
  });
  return found;
}
