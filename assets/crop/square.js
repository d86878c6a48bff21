// The square of a picture that is used: x, y and side in the picture's pixels, as if it were upright, and the degrees by
// which it is then turned about its centre, clockwise.
const SMALLEST = 0.06; // of the picture's shorter side
const LARGEST = 2;

const clamp = (low, value, high) => Math.min(high, Math.max(low, value));

export const centreOf = ({ x, y, side }) => ({ x: x + side / 2, y: y + side / 2 });

// The same direction as an angle above -180 degrees and not above 180.
export const normal = (degrees) => degrees - 360 * Math.ceil((degrees - 180) / 360);

// The direction in which `to` lies from `from`: 0 is up, 90 right.
export const bearing = (from, to) => (180 / Math.PI) * Math.atan2(to.x - from.x, from.y - to.y);

const distance = (from, to) => Math.hypot(to.x - from.x, to.y - from.y);

export const moved = (square, right, down) => ({ ...square, x: square.x + right, y: square.y + down });

// Made `factor` times as large, about its centre.
export function scaled(square, factor) {
  const grown = square.side * (factor - 1);
  return { ...square, x: square.x - grown / 2, y: square.y - grown / 2, side: square.side + grown };
}

export const turned = (square, degrees) => ({ ...square, turn: normal(square.turn + degrees) });

// What a pointer makes of the square on its way between two points, by the part of the square that it drags.
export const drags = {
  square: (square, from, to) => moved(square, to.x - from.x, to.y - from.y),
  corner(square, from, to) {
    const centre = centreOf(square);
    return scaled(square, distance(centre, to) / distance(centre, from));
  },
  knob(square, from, to) {
    const centre = centreOf(square);
    return turned(square, bearing(centre, to) - bearing(centre, from));
  },
};

// The nearest square whose centre lies within a picture of that width and height; it may reach beyond.
export function fitted({ x, y, side, turn = 0 }, { width, height }) {
  const shorter = Math.min(width, height);
  const fitting = clamp(SMALLEST * shorter, side, LARGEST * shorter);
  const centre = centreOf({ x, y, side });
  return {
    x: clamp(0, centre.x, width) - fitting / 2,
    y: clamp(0, centre.y, height) - fitting / 2,
    side: fitting,
    turn: normal(turn),
  };
}

// The face at a point of the picture, unless the square is about it already.
export function faceAt(faces, point, square) {
  const about = (face, place) => distance(centreOf(face), place) < face.side / 2;
  return faces.find((face) => about(face, point) && !about(face, centreOf(square)));
}

// How far one gets from a point in a picture towards `degrees`, until one is `beyond` pixels outside of it.
export function reach({ x, y }, degrees, { width, height }, beyond) {
  const right = Math.sin((degrees * Math.PI) / 180);
  const down = -Math.cos((degrees * Math.PI) / 180);
  const across = (right > 0 ? width - x : x) + beyond;
  const along = (down > 0 ? height - y : y) + beyond;
  return Math.min(across / Math.abs(right), along / Math.abs(down));
}
