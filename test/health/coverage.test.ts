import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverage, labelAgreement, moments, occurrences } from '../../src/health/coverage.js';
import { graphOf, labelsOf, poolOf } from './support.js';

describe('coverage', () => {
  it('has the moments that SciPy has', () => {
    // scipy.stats.skew([0, 0, 1, 1, 2, 5, 12]), numpy.std
    const { mean, sd, skewness } = moments(Int32Array.of(0, 0, 1, 1, 2, 5, 12));
    expect([mean, sd]).toEqual([3, 4]);
    expect(skewness).toBeCloseTo(1.4866071428571428, 13);
    expect(moments(Int32Array.of(4, 4, 4)).skewness).toBe(0);
  });

  it('finds who is near to many and who to nobody', async () => {
    // Row 0 is 2 from each of ten rows that are 2√2 from each other; row 11 is 48 from row 1.
    const axis = (i: number, length: number): number[] => Array.from({ length: 10 }, (_, j) => (i === j ? length : 0));
    const points = [axis(0, 0), ...Array.from({ length: 10 }, (_, i) => axis(i, 2)), axis(0, 50)];
    const pool = poolOf(points.map((point, i) => [point, i < 5 ? 'a' : 'b'] as const));
    const graph = await graphOf(pool, 1);
    expect([...occurrences(graph)]).toEqual([10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const agreement = await labelAgreement(graph, labelsOf(pool));
    const { hubs, antihubs, skewness } = await coverage(pool, labelsOf(pool), graph, { agreement, top: 1 });
    expect(hubs).toEqual({
      count: 1,
      first: [{ id: 'r0', label: 'a', input: 'text 0', neighbourOf: 10, otherLabel: 0.6 }],
    });
    expect(antihubs).toEqual({ count: 10, first: [{ id: 'r11', label: 'b', input: 'text 11', nearest: 48 }] });
    expect(skewness).toBeGreaterThan(2);
  });

  it('counts, of a hub, those that have another label', async () => {
    const points = [0, 1, -1, 1.5, -1.5, 2].map((x) => [x]);
    const pool = poolOf([...points, ...Array.from({ length: 20 }, (_, i) => [100 + 2 ** i])].map((point, i) => [point, i % 2 === 0 ? 'a' : 'b'] as const)); // prettier-ignore
    const graph = await graphOf(pool, 2);
    const labels = labelsOf(pool);
    const { hubs } = await coverage(pool, labels, graph, { agreement: await labelAgreement(graph, labels), top: 100 });
    expect(hubs.count).toBeGreaterThan(0);
    for (const { id, neighbourOf, otherLabel } of hubs.first) {
      const row = Number(id.slice(1));
      const asked = pool.examples.flatMap((_, other) =>
        graph.neighbours.subarray(other * 2, other * 2 + 2).includes(row) ? [other] : [],
      );
      expect(neighbourOf).toBe(asked.length);
      expect(otherLabel).toBe(asked.filter((other) => labels.of[other] !== labels.of[row]).length / asked.length);
    }
  });

  it('has k places for each row, and agreement 1 where there is one label', async () => {
    const points = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), {
      minLength: 2,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(points, fc.integer({ min: 1, max: 5 }), async (rows, k) => {
        const pool = poolOf(rows.map((point) => [point, 'a'] as const));
        const graph = await graphOf(pool, k);
        expect(occurrences(graph).reduce((sum, count) => sum + count, 0)).toBe(rows.length * graph.k);
        expect([...(await labelAgreement(graph, labelsOf(pool)))]).toEqual(rows.map(() => 1));
      }),
      { numRuns: 30 },
    );
  });
});
