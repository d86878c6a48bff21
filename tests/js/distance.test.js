import assert from 'node:assert/strict';
import test from 'node:test';
import { distanceOf } from '../../assets/shared/distance.js';

test('a distance is read back from the probabilities that it became', () => {
  const face = { threshold: 0.5, sharpness: 20, unknown: 2 };
  const distances = [0.31, 0.92, face.threshold];
  const powers = distances.map((distance) => Math.exp(-face.sharpness * distance));
  const sum = powers.reduce((a, b) => a + b);
  const probabilities = Float32Array.from(powers, (power) => power / sum);
  distances.forEach((distance, index) => {
    assert.ok(Math.abs(distanceOf(face, probabilities, index) - distance) < 1e-6);
  });
});

test('a probability too small for its format is a distance all the same', () => {
  const face = { threshold: 0.5, sharpness: 20, unknown: 1 };
  assert.ok(Number.isFinite(distanceOf(face, Float32Array.from([0, 1]), 0)));
});
