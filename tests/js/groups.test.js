// Whose pictures a draft holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allNamed, groupsOf } from '../../assets/enrol/groups.js';

const picture = (number, group) => ({ number, group });
const numbers = (groups) => groups.map(([person, pictures]) => [person, pictures.map(({ number }) => number)]);
const drafted = [picture(1, 'Ana'), picture(2, 'Ben'), picture(3, 'Ana'), picture(4, null)];

test('pictures are of whoever is named', () => {
  assert.deepEqual(numbers(groupsOf(drafted, ' Ida ')), [['Ida', [1, 2, 3, 4]]]);
});

test('where nobody is named, files say whose they are', () => {
  const groups = groupsOf(drafted, ' ');
  assert.deepEqual(numbers(groups), [
    ['Ana', [1, 3]],
    ['Ben', [2]],
    [null, [4]],
  ]);
  assert.equal(allNamed(groups), false);
  assert.equal(allNamed(groupsOf(drafted.slice(0, 3), '')), true);
});

test('nobody is in no picture', () => {
  assert.deepEqual(groupsOf([], 'Ana'), []);
  assert.equal(allNamed([]), false);
});
