import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Progress } from '../../../src/core/progress.js';
import { Rng } from '../../../src/core/rng.js';
import type { LabelledFeatures } from '../../../src/eval/features/labelled-features.js';
import { labelRetrieval, leaveOneOutRetrieval } from '../../../src/eval/retrieval/label-retrieval.js';
import { rankings } from '../../../src/eval/retrieval/rankings.js';

const line = (...items: readonly (readonly [number, string])[]): LabelledFeatures => ({
  rows: Float32Array.from(items, ([x]) => x),
  dims: 1,
  labels: items.map(([, label]) => label),
});

function cloud(name: string, n: number, dims: number): LabelledFeatures {
  const rng = Rng.stream(2, name);
  return { rows: rng.uniform(n * dims, 1), dims, labels: Array.from({ length: n }, () => 'abcd'[rng.int(4)]!) };
}

describe('label retrieval', () => {
  it('scores the whole ranking', async () => {
    // From 0: a b b a c; from 5: c a b b a, which has no d.
    const pool = line([1, 'a'], [2, 'b'], [-2.5, 'b'], [-3, 'a'], [4, 'c']);
    const { queries, withoutRelevant, ...means } = await labelRetrieval(
      { pool, queries: line([0, 'a'], [0, 'b'], [5, 'd']) },
      { depths: [1, 2, 9] },
    );
    expect(queries).toEqual([
      { relevant: 2, averagePrecision: (1 + 2 / 4) / 2, reciprocalRank: 1, recall: [0.5, 0.5, 1], hit: [1, 1, 1] },
      {
        relevant: 2,
        averagePrecision: (1 / 2 + 2 / 3) / 2,
        reciprocalRank: 1 / 2,
        recall: [0, 0.5, 1],
        hit: [0, 1, 1],
      },
      { relevant: 0, averagePrecision: 0, reciprocalRank: 0, recall: [0, 0, 0], hit: [0, 0, 0] },
    ]);
    expect(withoutRelevant).toBe(1);
    expect(means.depths).toEqual([1, 2, 9]);
    expect(means.meanAveragePrecision).toBeCloseTo((0.75 + 7 / 12) / 3, 12);
    expect(means.meanReciprocalRank).toBeCloseTo(0.5, 12);
    means.recall.forEach((value, at) => {
      expect(value).toBeCloseTo([0.5 / 3, 1 / 3, 2 / 3][at]!, 12);
    });
    means.hit.forEach((value, at) => {
      expect(value).toBeCloseTo([1 / 3, 2 / 3, 2 / 3][at]!, 12);
    });
  });

  it('leaves an item out of its own ranking', async () => {
    const features = line([0, 'a'], [1, 'b'], [3, 'a'], [7, 'c']);
    const { queries, withoutRelevant } = await leaveOneOutRetrieval(features, { depths: [1, 2] });
    expect(queries.map(({ relevant, averagePrecision, hit }) => [relevant, averagePrecision, hit])).toEqual([
      [1, 1 / 2, [0, 1]],
      [0, 0, [0, 0]],
      [1, 1 / 2, [0, 1]],
      [0, 0, [0, 0]],
    ]);
    expect(withoutRelevant).toBe(2);
  });

  it('is the mean over rankings by distance, whatever the metric', async () => {
    const [pool, queries] = [cloud('pool', 70, 5), cloud('queries', 40, 5)];
    const row = ({ rows, dims }: LabelledFeatures, i: number): number[] => [...rows.subarray(i * dims, (i + 1) * dims)];
    const product = (a: number[], b: number[]): number => a.reduce((sum, v, j) => sum + v * b[j]!, 0);
    const distances = {
      l2: (a: number[], b: number[]): number => a.reduce((sum, v, j) => sum + (v - b[j]!) ** 2, 0),
      cosine: (a: number[], b: number[]): number => -product(a, b) / Math.sqrt(product(a, a) * product(b, b)),
    };
    for (const metric of ['l2', 'cosine'] as const) {
      const found = await labelRetrieval({ pool, queries }, { metric });
      const expected = queries.labels.map((label, q) => {
        const scored = pool.labels.map((own, i) => ({
          same: own === label,
          distance: distances[metric](row(queries, q), row(pool, i)),
        }));
        const own = scored.sort((a, b) => a.distance - b.distance).map(({ same }) => same);
        const places = own.flatMap((same, at) => (same ? [at + 1] : []));
        return places.reduce((sum, place, before) => sum + (before + 1) / place, 0) / places.length;
      });
      found.queries.forEach(({ averagePrecision }, q) => {
        expect(averagePrecision).toBeCloseTo(expected[q]!, 10);
      });
    }
  });
});

describe('rankings', () => {
  it('hold every row once, in the order of the queries', async () => {
    const pool = cloud('pool', 33, 3);
    const queries = { ...pool };
    let query = 0;
    for await (const ranking of rankings(pool, queries, { metric: 'l2' })) {
      expect(ranking[0]).toBe(query++);
      expect([...ranking].sort((a, b) => a - b)).toEqual(pool.labels.map((_, row) => row));
    }
    expect(query).toBe(33);
  });

  it('are those of all queries at once, however many rows there are', async () => {
    // 2^19 places hold 26 of these rankings.
    const n = 20_000;
    const pool = { rows: Float32Array.from({ length: n }, (_, i) => i), dims: 1 };
    const queries = { rows: Float32Array.from({ length: 60 }, (_, q) => q * 300), dims: 1 };
    const told: Progress[] = [];
    let query = 0;
    for await (const ranking of rankings(pool, queries, {
      metric: 'l2',
      onProgress: (progress) => told.push(progress),
    })) {
      expect(ranking).toHaveLength(n);
      expect(ranking[0]).toBe(300 * query++);
    }
    expect(told.map(({ done, total }) => [done, total])).toEqual([
      [0, 60],
      [26, 60],
      [52, 60],
      [60, 60],
    ]);
  });

  it('put the earlier of equal rows first', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 1, maxLength: 20 }), async (values) => {
        const pool = { rows: Float32Array.from(values), dims: 1 };
        for await (const ranking of rankings(pool, { rows: Float32Array.of(0), dims: 1 }, { metric: 'l2' })) {
          const expected = values
            .map((_, row) => row)
            .sort((a, b) => Math.abs(values[a]!) - Math.abs(values[b]!) || a - b);
          expect(ranking).toEqual(expected);
        }
      }),
      { seed: 3, numRuns: 50 },
    );
  });
});

describe('label retrieval refuses', () => {
  const good = line([0, 'a'], [1, 'b']);
  const wide = { rows: Float32Array.of(1, 2), dims: 2, labels: ['a'] };

  it.each([
    ['an empty pool', { pool: line(), queries: good }, {}, 'INVALID_ARGUMENT'],
    ['no queries', { pool: good, queries: line() }, {}, 'INVALID_ARGUMENT'],
    ['queries of another width', { pool: good, queries: wide }, {}, 'INVALID_ARGUMENT'],
    ['a missing label', { pool: { ...good, labels: ['a'] }, queries: good }, {}, 'INVALID_ARGUMENT'],
    ['a depth of 0', { pool: good, queries: good }, { depths: [0] }, 'INVALID_ARGUMENT'],
    ['NaN', { pool: good, queries: line([NaN, 'a']) }, {}, 'INVALID_VECTOR'],
  ])('%s', async (_, data, options, code) => {
    await expect(labelRetrieval(data, options)).rejects.toMatchObject({ code });
  });

  it('a single item to be left out', async () => {
    await expect(leaveOneOutRetrieval(line([0, 'a']))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
