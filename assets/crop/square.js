// A square that fits into a picture.
const SMALLEST = 0.06; // of the picture's shorter side

// The square nearest to the one wanted that lies within a picture of that width and height, in its pixels.
export function fitted({ x, y, side }, { width, height }) {
  const most = Math.min(width, height);
  const fitting = Math.min(most, Math.max(SMALLEST * most, side));
  return {
    x: Math.min(width - fitting, Math.max(0, x)),
    y: Math.min(height - fitting, Math.max(0, y)),
    side: fitting,
  };
}
