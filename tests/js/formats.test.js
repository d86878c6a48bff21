// Numbers as people read them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inLevels, notation, percent } from '../../assets/shared/formats.js';

test('shares, epsilons and grey levels', () => {
  assert.equal(percent(0.12345), '12.3%');
  assert.equal(percent(0.995, 0), '100%');
  assert.equal(notation(0.1 + 0.2), '0.3');
  assert.equal(notation(0.00012345678), '0.000123457');
  assert.equal(inLevels(8 / 255), '8.0');
  assert.equal(inLevels(1), '255.0');
});
