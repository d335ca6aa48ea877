import { expect, it } from 'vitest';
import { countRight } from '../../src/reduce/vote-score.js';

const right = (similarity: number[], poolCodes: number[], neighbours: number, own = 1): number =>
  countRight(Float32Array.from(similarity), { queryCodes: [own], poolCodes, neighbours });

it('lets the nearest rows vote, and no others', () => {
  expect(right([0.9, 0.1, 0.8, 0.2], [1, 2, 1, 2], 3)).toBe(1);
  expect(right([0.9, 0.1, 0.2, 0.8], [1, 2, 2, 2], 3)).toBe(0);
  expect(right([0.9, 0.1, 0.2, 0.8], [1, 2, 2, 2], 1)).toBe(1);
});

it('gives a tie to the class of the nearest row', () => {
  expect(right([0.5, 0.9, 0.8, 0.4], [2, 1, 2, 1], 4)).toBe(1);
  expect(right([0.5, 0.8, 0.9, 0.4], [2, 1, 2, 1], 4)).toBe(0);
});

it('takes the earlier of equally near rows', () => {
  expect(right([0.5, 0.5, 0.5], [1, 2, 2], 1)).toBe(1);
  expect(right([0.5, 0.5, 0.5], [2, 1, 1], 1)).toBe(0);
});

it('takes all rows where there are fewer, and counts query by query', () => {
  expect(right([0.1, 0.2], [1, 1], 20)).toBe(1);
  expect(countRight(Float32Array.of(1, 0, 0, 1), { queryCodes: [1, 1], poolCodes: [1, 2], neighbours: 1 })).toBe(1);
});
