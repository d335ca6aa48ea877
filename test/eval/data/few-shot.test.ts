import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Rng } from '../../../src/core/rng.js';
import { proportionalCounts, sampleShots } from '../../../src/eval/data/few-shot.js';

/** Labels of a training set with `sizes[c]` rows of class c, the classes mixed. */
function labelsOf(sizes: Readonly<Record<string, number>>): string[] {
  const labels = Object.entries(sizes).flatMap(([label, size]) => Array<string>(size).fill(label));
  return Rng.stream(1, 'mix')
    .sample(labels.length, labels.length)
    .map((i) => labels[i]!);
}

function countsOf(labels: readonly string[], rows: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[labels[row]!] = (counts[labels[row]!] ?? 0) + 1;
  return counts;
}

const TREC = { ABBR: 86, DESC: 1162, ENTY: 1250, HUM: 1223, LOC: 835, NUM: 896 };

describe('sampleShots', () => {
  const labels = labelsOf(TREC);

  it('draws N of every class by default', () => {
    const rows = sampleShots(labels, { shots: 5, seed: 0 });
    expect(countsOf(labels, rows)).toEqual({ ABBR: 5, DESC: 5, ENTY: 5, HUM: 5, LOC: 5, NUM: 5 });
  });

  it('draws N·C rows by class frequency when proportional', () => {
    const rows = sampleShots(labels, { shots: 5, sampling: 'proportional', seed: 0 });
    expect(countsOf(labels, rows)).toEqual({ DESC: 6, ENTY: 7, HUM: 7, LOC: 5, NUM: 5 });
  });

  it('depends on the seed and on nothing else', () => {
    const draw = (seed: number) => sampleShots(labels, { shots: 5, seed });
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });

  it('draws each row equally often', () => {
    const ten = Array<string>(10).fill('a');
    const drawn = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) for (const row of sampleShots(ten, { shots: 3, seed })) drawn[row]!++;
    // 600 expected, standard deviation 20.5: five of them.
    for (const times of drawn) expect(Math.abs(times - 600)).toBeLessThan(103);
  });

  const someLabels = fc.array(fc.constantFrom('a', 'b', 'c', '__proto__'), { minLength: 1, maxLength: 40 });
  const someShots = fc.integer({ min: 1, max: 15 });

  it('gives distinct rows in ascending order, whole classes where they are smaller than N', () => {
    fc.assert(
      fc.property(someLabels, someShots, fc.integer(), (all, shots, seed) => {
        const rows = sampleShots(all, { shots, seed });
        expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
        for (const label of new Set(all)) {
          const size = all.filter((other) => other === label).length;
          expect(rows.filter((row) => all[row] === label)).toHaveLength(Math.min(shots, size));
        }
      }),
    );
  });

  it('takes the first N of every class in file order, whatever the seed', () => {
    expect(sampleShots(['b', 'a', 'b', 'b', 'a', 'c'], { shots: 2, sampling: 'first', seed: 7 })).toEqual([
      0, 1, 2, 4, 5,
    ]);
    fc.assert(
      fc.property(someLabels, someShots, fc.integer(), (all, shots, seed) => {
        // Row by row: taken as long as the class has not had N.
        const expected = all.flatMap((label, row) =>
          all.slice(0, row).filter((other) => other === label).length < shots ? [row] : [],
        );
        expect(sampleShots(all, { shots, sampling: 'first', seed })).toEqual(expected);
      }),
    );
  });

  it('nests: N shots are among N+1 shots of the same seed', () => {
    fc.assert(
      fc.property(
        someLabels,
        someShots,
        fc.constantFrom('per-class', 'first'),
        fc.integer(),
        (all, shots, sampling, seed) => {
          const more = sampleShots(all, { shots: shots + 1, sampling, seed });
          expect(more).toEqual(expect.arrayContaining(sampleShots(all, { shots, sampling, seed })));
        },
      ),
    );
  });

  it.each([0, -1, 2.5, Number.NaN])('refuses %d shots', (shots) => {
    expect(() => sampleShots(['a'], { shots, seed: 0 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(String(shots)) as string }),
    );
  });

  it('refuses an empty training set', () => {
    expect(() => sampleShots([], { shots: 1, seed: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('proportionalCounts', () => {
  // scikit-learn 1.9.1, sklearn.utils.extmath._approximate_mode(sizes, draws, rng=0); no ties among these remainders.
  it.each([
    [[86, 1162, 1250, 1223, 835, 896], 30, [0, 6, 7, 7, 5, 5]],
    [[86, 1162, 1250, 1223, 835, 896], 60, [1, 13, 14, 13, 9, 10]],
    [[2218, 1624, 2322, 1092, 1288], 25, [6, 5, 7, 3, 4]],
    [[1000, 90, 10], 9, [8, 1, 0]],
    [[5, 2], 4, [3, 1]],
  ])('shares out as scikit-learn does: %j, %d draws', (sizes, draws, expected) => {
    expect(proportionalCounts(sizes, draws, Rng.stream(0))).toEqual(expected);
  });

  it('breaks ties at random', () => {
    const winners = new Set<string>();
    for (let seed = 0; seed < 50; seed++) winners.add(proportionalCounts([2, 2, 2], 1, Rng.stream(seed)).join());
    expect(winners).toEqual(new Set(['1,0,0', '0,1,0', '0,0,1']));
  });

  it('gives every class its share to within one, and exactly the draws asked for', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.nat({ max: 600 }), fc.integer(), (all, draws, seed) => {
        const total = all.reduce((sum, size) => sum + size, 0);
        const counts = proportionalCounts(all, draws, Rng.stream(seed));
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(Math.min(draws, total));
        all.forEach((size, c) => {
          expect(counts[c]).toBeLessThanOrEqual(size);
          expect(Math.abs(counts[c]! - (size * Math.min(draws, total)) / total)).toBeLessThan(1);
        });
      }),
    );
  });
});
