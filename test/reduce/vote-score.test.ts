import fc from 'fast-check';
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

it('finds what sorting all rows finds, equal rows and few of them included (property)', () => {
  const code = fc.integer({ min: 0, max: 4 });
  const cases = fc.record({
    rows: fc.array(fc.record({ code, value: fc.integer({ min: -3, max: 3 }) }), { minLength: 1, maxLength: 30 }),
    own: code,
    neighbours: fc.uniqueArray(fc.integer({ min: 1, max: 35 }), { minLength: 1, maxLength: 4 }),
    shown: fc.integer({ min: 1, max: 35 }),
  });
  fc.assert(
    fc.property(cases, ({ rows, own, neighbours, shown }) => {
      const codes = rows.toSorted((a, b) => b.value - a.value).map((row) => row.code);
      const wins = (count: number): boolean => {
        const near = codes.slice(0, count);
        const votes = (label: number): number => near.filter((each) => each === label).length;
        return near.find((label) => near.every((other) => votes(other) <= votes(label))) === own;
      };
      const task = { queryCodes: [own], poolCodes: rows.map((row) => row.code), neighbours, shown };
      const { right, hit } = voteScores(
        Float32Array.from(rows, ({ value }) => value),
        task,
      );
      expect(right.map(([each]) => each)).toEqual(neighbours.map((count) => Number(wins(count))));
      expect(hit[0]).toBe(Number(codes.slice(0, shown).includes(own)));
    }),
  );
});
