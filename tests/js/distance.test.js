// How far two faces are from each other, from two probabilities.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distanceOf, isSame, written } from '../../assets/same/distance.js';

const RULE = { threshold: 0.55, sharpness: 20 };

// What softmax makes of the two logits, in the precision that is sent.
function probabilities(distance) {
  const [person, nobody] = [distance, RULE.threshold].map((one) => Math.exp(-RULE.sharpness * one));
  return Float32Array.of(person / (person + nobody), nobody / (person + nobody));
}

test('the distance comes back from its probabilities, near and far', () => {
  for (const distance of [0, 1e-5, 0.2, 0.5499, 0.55, 0.5501, 0.8, 1.2, 1.6]) {
    assert.ok(Math.abs(distanceOf(probabilities(distance), RULE) - distance) < 1e-6, String(distance));
  }
});

test('at the threshold it is one person, and above it two', () => {
  assert.ok(isSame(0.55, RULE) && isSame(0, RULE));
  assert.ok(!isSame(0.550001, RULE));
  assert.equal(written(0.54996), '0.550');
});
