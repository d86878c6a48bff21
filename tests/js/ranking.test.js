// Who is likeliest, and whom the strip compares.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ranked, rivalOf } from '../../assets/viewer/ranking.js';

test('the likeliest come first, equals in the order of the list', () => {
  const top = ranked(Float32Array.of(0.125, 0.25, 0.125, 0.25, 0.125, 0.125));
  assert.deepEqual(
    top.map(({ index }) => index),
    [1, 3, 0, 2, 4],
  );
  assert.equal(top[0].probability, 0.25);
});

test('the rival is the target, else the likeliest other one', () => {
  const probabilities = [0.5, 0.2, 0.3];
  assert.equal(rivalOf({ attacked: 0, target: 1 }, probabilities), 1);
  assert.equal(rivalOf({ attacked: 0, target: null }, probabilities), 2);
  assert.equal(rivalOf({ attacked: 2, target: null }, probabilities), 0);
  assert.equal(rivalOf({ attacked: 0, target: null }, [1]), 0);
});
