import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drift, kolmogorovSmirnov } from '../../src/health/drift.js';
import { graphOf, poolOf } from './support.js';

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();

describe('the Kolmogorov–Smirnov statistic', () => {
  it('is that of SciPy', () => {
    // scipy.stats.ks_2samp
    const [a, b] = [sorted([0.1, 0.4, 0.7, 0.7, 1.5]), sorted([0.2, 0.3, 0.5, 0.7, 0.9, 1, 2])];
    expect(kolmogorovSmirnov(a, b)).toBeCloseTo(0.22857142857142856, 14);
  });

  it('is the largest gap between the shares below any value, either way round', () => {
    const values = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(values, values, (a, b) => {
        const below = (list: readonly number[], x: number): number => list.filter((y) => y <= x).length / list.length;
        const gaps = [...a, ...b].map((x) => Math.abs(below(a, x) - below(b, x)));
        const statistic = kolmogorovSmirnov(sorted(a), sorted(b));
        expect(statistic).toBeCloseTo(Math.max(...gaps), 12);
        expect(kolmogorovSmirnov(sorted(b), sorted(a))).toBe(statistic);
      }),
    );
    expect(kolmogorovSmirnov(sorted([1, 2]), sorted([1, 2]))).toBe(0);
    expect(kolmogorovSmirnov(sorted([1, 2]), sorted([3, 4]))).toBe(1);
  });
});

describe('drift', () => {
  // 200 rows at 1, 2, …, each 1 from its nearest, but for the last two, which are 5 from theirs.
  const points = [...Array.from({ length: 198 }, (_, i) => i + 1), 203, 208];
  const pool = poolOf(points.map((x) => [[x], 'a'] as const));

  it('counts the queries beyond what 99 of 100 rows stay within', async () => {
    const graph = await graphOf(pool, 3);
    const distances = [0.5, 0.25, 7, 1, 9];
    const nearest = distances.map((distance, row) => ({ row, distance }));
    const queries = distances.map((_, i) => `query ${i}`);
    const found = drift(pool, graph, queries, nearest, 1);
    expect(found).toMatchObject({ queries: 5, limit: 1, median: { queries: 1, pool: 1 } });
    expect(found.beyond.share).toBe(0.4);
    // Wilson's interval of 2 of 5.
    expect(found.beyond.low).toBeCloseTo(0.1176, 4);
    expect(found.beyond.high).toBeCloseTo(0.7693, 4);
    // 2 of 5 lie below 1, none of the pool does.
    expect(found.statistic).toBeCloseTo(0.4, 12);
    expect(found.critical).toBeCloseTo(1.3581 * Math.sqrt(205 / 1000), 4);
    const { id, label, input } = pool.examples[4]!;
    expect(found.farthest).toEqual({
      count: 2,
      first: [{ input: 'query 4', distance: 9, nearest: { id, label, input } }],
    });
  });
});
