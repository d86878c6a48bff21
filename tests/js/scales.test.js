// The chart's places and colours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MARGIN, colours, decades, scales } from '../../assets/chart/scales.js';

test('the decades hold every epsilon above 0', () => {
  assert.deepEqual(decades([0, 0.0001, 1]), { low: -4, high: -0 });
  assert.deepEqual(decades([0, 0.002, 0.03]), { low: -3, high: -1 });
  assert.deepEqual(decades([0]), { low: -1, high: -0 });
  assert.deepEqual(decades([0.001]), { low: -3, high: -2 });
  assert.deepEqual(decades([1 - 0.9 - 0.09, 0.1]), { low: -2, high: -1 }); // a hair below 0.01
});

test('0 stands at the axis, decades evenly apart, accuracy upwards', () => {
  const { x, y, right, bottom, ticks } = scales([0, 0.01, 1], 600, 300);
  assert.deepEqual(ticks, [0, 0.01, 0.1, 1]);
  assert.deepEqual([right, bottom], [600 - MARGIN.right, 300 - MARGIN.bottom]);
  assert.equal(x(0), MARGIN.left);
  assert.ok(x(0.01) > x(0));
  assert.ok(Math.abs(x(1) - right) < 1e-9);
  assert.ok(Math.abs(x(0.1) - (x(0.01) + x(1)) / 2) < 1e-9);
  assert.equal(y(0), bottom);
  assert.equal(y(1), MARGIN.top);
  assert.equal(y(0.5), (MARGIN.top + bottom) / 2);
});

test('colours tell recognisers apart or, where there is one, its attacks', () => {
  const curve = (model, colour) => ({ model, colour });
  const alone = [curve('a', '#111'), curve('a', '#222')];
  assert.deepEqual(alone.map(colours(alone)), ['#111', '#222']);
  const [first, second, again] = [curve('a', '#111'), curve('b', '#111'), curve('a', '#222')];
  const [one, other, same] = [first, second, again].map(colours([first, second, again]));
  assert.ok(one !== other && one === same && one !== '#111');
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((model) => curve(model, '#111'));
  const seven = many.map(colours(many));
  assert.equal(new Set(seven).size, 6);
  assert.equal(seven[6], seven[0]); // there are no more: they begin anew
});
