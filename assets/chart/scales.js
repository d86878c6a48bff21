// Where accuracies and epsilons lie in the drawing, and how its curves are told apart.
export const MARGIN = { left: 48, right: 18, top: 14, bottom: 40 };
const ZERO = 46; // pixels between epsilon 0 and the smallest other one, where a logarithm has no place
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']; // Okabe & Ito

// The decades that hold every epsilon above 0, as powers of ten.
export function decades(epsilons) {
  const positive = epsilons.filter((epsilon) => epsilon > 0);
  const low = Math.floor(Math.log10(Math.min(...positive, 0.1)) + 1e-9);
  const high = Math.ceil(Math.log10(Math.max(...positive, 10 ** (low + 1))) - 1e-9);
  return { low, high };
}

// Places in a drawing of that size, in pixels, and its ticks.
export function scales(epsilons, width, height) {
  const { low, high } = decades(epsilons);
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const start = MARGIN.left + ZERO;
  const along = (epsilon) => start + ((right - start) * (Math.log10(epsilon) - low)) / (high - low);
  const ticks = [0];
  for (let decade = low; decade <= high; decade++) ticks.push(10 ** decade);
  return {
    left: MARGIN.left,
    right,
    bottom,
    ticks,
    x: (epsilon) => (epsilon === 0 ? MARGIN.left : along(epsilon)),
    y: (share) => bottom - (bottom - MARGIN.top) * share,
  };
}

// A curve's colour: its recogniser's or, where there is only one, its attack's.
export function colours(curves) {
  const models = [...new Set(curves.map(({ model }) => model))];
  if (models.length === 1) return ({ colour }) => colour;
  return ({ model }) => COLOURS[models.indexOf(model) % COLOURS.length];
}
