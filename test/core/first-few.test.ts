import { expect, it } from 'vitest';
import { firstFew } from '../../src/core/first-few.js';

it.each([
  [['a'], 'a'],
  [['a', 'b'], 'a, b'],
  [['a', 'b', 'c'], 'a, b and 1 more'],
  [['a', 'b', 'c', 'd'], 'a, b and 2 more'],
])('names the first two of %j', (names, says) => {
  expect(firstFew(names, 2)).toBe(says);
});
