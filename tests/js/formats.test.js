// Numbers as people read them, and the square that fits into a picture.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitted } from '../../assets/crop/square.js';
import { inLevels, notation, percent } from '../../assets/shared/formats.js';

test('shares, epsilons and grey levels', () => {
  assert.equal(percent(0.12345), '12.3%');
  assert.equal(percent(0.995, 0), '100%');
  assert.equal(notation(0.1 + 0.2), '0.3');
  assert.equal(notation(0.00012345678), '0.000123457');
  assert.equal(inLevels(8 / 255), '8.0');
  assert.equal(inLevels(1), '255.0');
});

test('a square lies within its picture, neither too small nor too large', () => {
  const picture = { width: 200, height: 100 };
  assert.deepEqual(fitted({ x: 10, y: 20, side: 50 }, picture), { x: 10, y: 20, side: 50 });
  assert.deepEqual(fitted({ x: -5, y: 90, side: 50 }, picture), { x: 0, y: 50, side: 50 });
  assert.deepEqual(fitted({ x: 190, y: 0, side: 500 }, picture), { x: 100, y: 0, side: 100 });
  assert.deepEqual(fitted({ x: 198, y: 0, side: 1 }, picture), { x: 194, y: 0, side: 6 });
});
