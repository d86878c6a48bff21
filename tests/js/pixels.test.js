// The viewer's arithmetic, against values worked out by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clamp, mover, positionOf, rint, unpack } from '../../assets/viewer/pixels.js';

test('signs are base-3 digits, five to a byte, the first the lowest', () => {
  // 0*1 + 2*3 + 1*9 + 2*27 + 0*81 = 69 and 1*1 + 1*3 = 4
  assert.deepEqual([...unpack([69, 4], 7)], [-1, 1, 0, 1, -1, 0, 0]);
  assert.deepEqual([...unpack([242], 5)], [1, 1, 1, 1, 1]);
});

test('halves go to the even number', () => {
  const pairs = [
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [3.5, 4],
    [2.4999, 2],
    [2.5001, 3],
    [254.5, 254],
  ];
  for (const [value, expected] of pairs) assert.equal(rint(value), expected, value);
  assert.equal(rint(-1.5), -2);
  assert.equal(rint(-2.5), -2);
});

test('pixels stay pixels', () => {
  assert.deepEqual([-0.1, 0, 12.5, 255, 255.1].map(clamp), [0, 0, 12.5, 255, 255]);
});

test('an attack along one direction follows its signs, and stops at black and white', () => {
  const face = { pixels: [10, 100, 250], sign: [-1, 0, 1], images: {}, epsilons: [0, 0.1] };
  assert.deepEqual([0, 1, 2].map(mover(face, 0)), [10, 100, 250]);
  assert.deepEqual([0, 1, 2].map(mover(face, 1)), [0, 100, 255]);
  assert.equal(mover({ ...face, pixels: [100], sign: [1] }, 1)(0), 125.5); // not yet rounded
});

test('another attack is drawn from its images, and from the face until they come', () => {
  const face = { pixels: [10, 20], sign: null, images: { 1: [30, 40] }, epsilons: [0, 0.1, 0.2] };
  assert.deepEqual([0, 1].map(mover(face, 1)), [30, 40]);
  assert.deepEqual([0, 1].map(mover(face, 2)), [10, 20]);
});

test('an epsilon is shown at the nearest position', () => {
  const epsilons = [0, 0.25, 0.5, 0.75, 1];
  const pairs = [
    [0.3, 1],
    [0.4, 2],
    [-1, 0],
    [7, 4],
  ];
  for (const [epsilon, at] of pairs) assert.equal(positionOf(epsilons, epsilon), at);
});
