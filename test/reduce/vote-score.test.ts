import { expect, it } from 'vitest';
import { voteScores, type VoteTask } from '../../src/reduce/vote-score.js';

const count = (similarity: number[], { neighbours, ...task }: Omit<VoteTask, 'neighbours'> & { neighbours: number }) =>
  voteScores(Float32Array.from(similarity), { ...task, neighbours: [neighbours] }).right[0]!.reduce((a, b) => a + b, 0);

const right = (similarity: number[], poolCodes: number[], neighbours: number, own = 1): number =>
  count(similarity, { queryCodes: [own], poolCodes, neighbours });

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
  expect(count([1, 0, 0, 1], { queryCodes: [1, 1], poolCodes: [1, 2], neighbours: 1 })).toBe(1);
});

it('tries several numbers of neighbours at once, and says who has a row of its class among the most', () => {
  const task = { queryCodes: [1, 2, 3], poolCodes: [1, 2, 2, 1, 3], neighbours: [1, 3] };
  const rows = [0.9, 0.8, 0.7, 0.1, 0.2, 0.9, 0.8, 0.7, 0.1, 0.2, 0.9, 0.8, 0.7, 0.1, 0.2];
  const { right, hit } = voteScores(Float32Array.from(rows), task);
  expect(right.map((each) => [...each])).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  expect([...hit]).toEqual([1, 1, 0]);
});
