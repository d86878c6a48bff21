// The square of a picture, moved, resized and turned, against values worked out by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bearing,
  centreOf,
  drags,
  faceAt,
  fitted,
  moved,
  normal,
  reach,
  scaled,
  turned,
} from '../../assets/crop/square.js';

const near = (value, expected) => assert.ok(Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);
const allNear = (square, expected) => Object.keys(expected).forEach((key) => near(square[key], expected[key]));
const upright = { x: 10, y: 20, side: 40, turn: 0 }; // about 30, 40

test('degrees are above -180 and not above 180', () => {
  const pairs = [
    [0, 0],
    [12.3, 12.3],
    [180, 180],
    [-180, 180],
    [181, -179],
    [-181, 179],
    [359, -1],
    [360, 0],
    [540, 180],
    [-540, 180],
    [725, 5],
  ];
  for (const [degrees, expected] of pairs) assert.ok(normal(degrees) === expected, `${degrees}: ${normal(degrees)}`);
});

test('a direction is told clockwise from straight up', () => {
  const from = { x: 3, y: 4 };
  near(bearing(from, { x: 3, y: 0 }), 0);
  near(bearing(from, { x: 5, y: 2 }), 45);
  near(bearing(from, { x: 9, y: 4 }), 90);
  near(bearing(from, { x: 3, y: 9 }), 180);
  near(bearing(from, { x: 0, y: 4 }), -90);
  near(bearing(from, { x: 4, y: 4 - Math.sqrt(3) }), 30);
});

test("a square's centre lies within the picture, and it is neither too small nor too large", () => {
  const picture = { width: 200, height: 100 };
  const pairs = [
    [
      { x: 10, y: 20, side: 50, turn: 30 },
      { x: 10, y: 20, side: 50, turn: 30 },
    ],
    [
      { x: 10, y: 20, side: 50 },
      { x: 10, y: 20, side: 50, turn: 0 },
    ],
    [
      { x: -25, y: 75, side: 50, turn: -180 },
      { x: -25, y: 75, side: 50, turn: 180 },
    ], // a centre on the corner
    [
      { x: -26, y: 90, side: 50, turn: 0 },
      { x: -25, y: 75, side: 50, turn: 0 },
    ],
    [
      { x: 300, y: -90, side: 50, turn: 0 },
      { x: 175, y: -25, side: 50, turn: 0 },
    ],
    [
      { x: -150, y: -200, side: 500, turn: 0 },
      { x: 0, y: -50, side: 200, turn: 0 },
    ], // about the same centre
    [
      { x: 49, y: 49, side: 2, turn: 0 },
      { x: 47, y: 47, side: 6, turn: 0 },
    ],
  ];
  for (const [wanted, expected] of pairs) {
    assert.deepEqual(fitted(wanted, picture), expected);
    assert.deepEqual(fitted(expected, picture), expected);
  }
});

test('a square moves as it is, and grows and turns about its centre', () => {
  const square = { ...upright, turn: 170 };
  assert.deepEqual(moved(square, 5, -7), { x: 15, y: 13, side: 40, turn: 170 });
  assert.deepEqual(scaled(square, 1.5), { x: 0, y: 10, side: 60, turn: 170 });
  assert.deepEqual(scaled(square, 0.5), { x: 20, y: 30, side: 20, turn: 170 });
  assert.deepEqual(turned(square, 15), { x: 10, y: 20, side: 40, turn: -175 });
});

test('the square follows a pointer, its corner resizes it, its knob turns it', () => {
  assert.deepEqual(drags.square(upright, { x: 1, y: 2 }, { x: 4, y: 0 }), { x: 13, y: 18, side: 40, turn: 0 });
  allNear(drags.corner(upright, { x: 50, y: 60 }, { x: 60, y: 70 }), { x: 0, y: 10, side: 60, turn: 0 });
  allNear(drags.corner(upright, { x: 50, y: 60 }, { x: 40, y: 50 }), { x: 20, y: 30, side: 20, turn: 0 });
  allNear(drags.knob(upright, { x: 30, y: 10 }, { x: 70, y: 40 }), { ...upright, turn: 90 });
  const over = drags.knob({ ...upright, turn: 100 }, { x: 70, y: 40 }, { x: 0, y: 40 }); // half a turn
  allNear(over, { ...upright, turn: -80 });
});

test('however a square is turned, its corner stays below the pointer that drags it along the diagonal', () => {
  for (const turn of [0, 30, 45, 135, -90, 180]) {
    const radians = ((turn + 135) * Math.PI) / 180;
    const { x, y } = centreOf(upright);
    const at = (far) => ({ x: x + far * Math.sin(radians), y: y - far * Math.cos(radians) });
    const grown = drags.corner({ ...upright, turn }, at(20 * Math.SQRT2), at(50));
    allNear(grown, { side: 50 * Math.SQRT2, turn });
    allNear(centreOf(grown), { x, y });
  }
});

test('a press chooses a face that the square is not about', () => {
  const [one, other] = [upright, { x: 100, y: 20, side: 20, turn: -15 }];
  const large = { x: 10, y: -20, side: 100, turn: 0 }; // about 60, 30: neither
  assert.equal(faceAt([one, other], { x: 112, y: 31 }, large), other);
  assert.equal(faceAt([one, other], { x: 31, y: 42 }, large), one);
  assert.equal(faceAt([one, other], { x: 31, y: 42 }, one), undefined);
  assert.equal(faceAt([one, other], { x: 80, y: 30 }, large), undefined);
});

test('it is so far to the edge', () => {
  const picture = { width: 200, height: 100 };
  const point = { x: 150, y: 40 };
  near(reach(point, 0, picture, 10), 50);
  near(reach(point, 90, picture, 10), 60);
  near(reach(point, 180, picture, 10), 70);
  near(reach(point, -90, picture, 10), 160);
  near(reach(point, 45, picture, 10), 50 * Math.SQRT2);
  near(reach(point, 135, picture, 10), 60 * Math.SQRT2);
  near(reach({ x: 0, y: 0 }, 315, picture, 10), 10 * Math.SQRT2);
});
