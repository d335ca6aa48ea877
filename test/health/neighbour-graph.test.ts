import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distancesOf, neighbourGraph, neighboursOf } from '../../src/health/neighbour-graph.js';
import { Pace } from '../../src/health/pace.js';
import { pacedSearch } from '../../src/health/paced-search.js';
import { distanceBetween, type Metric } from '../../src/retrieve/distance.js';
import { graphOf, poolOf } from './support.js';

describe('the neighbour graph', () => {
  it('has the nearest others of each row, nearest first, with their distances', async () => {
    const pool = poolOf([0, 1, 3, 7].map((x) => [[x], 'a'] as const));
    const graph = await graphOf(pool, 2);
    expect([0, 1, 2, 3].map((row) => [...neighboursOf(graph, row)])).toEqual([
      [1, 2],
      [0, 2],
      [1, 0],
      [2, 1],
    ]);
    expect([...distancesOf(graph, 3)]).toEqual([4, 6]);
  });

  it('has all others where there are no more than k', async () => {
    const graph = await graphOf(poolOf([[[0], 'a'], [[1], 'a'], [[5], 'b']]), 20); // prettier-ignore
    expect(graph).toMatchObject({ rows: 3, k: 2 });
    expect([...graph.neighbours]).toEqual([1, 2, 0, 2, 1, 0]);
  });

  it('never has a row as its own neighbour, however many lie where it lies', async () => {
    const graph = await graphOf(poolOf(Array.from({ length: 30 }, () => [[1, 1], 'a'] as const)), 3);
    for (let row = 0; row < 30; row++) {
      expect([...neighboursOf(graph, row)]).not.toContain(row);
      expect([...distancesOf(graph, row)]).toEqual([0, 0, 0]);
    }
  });

  it('tells how far it is, and ends with what is thrown then', async () => {
    const pool = poolOf(Array.from({ length: 600 }, (_, x) => [[x], 'a'] as const));
    const search = await pacedSearch(pool.vectors, { rows: 600, dims: 1, metric: 'l2' }, new Pace());
    const told: number[] = [];
    await neighbourGraph(search, pool.vectors, { k: 2, onRows: (done) => told.push(done) });
    expect(told).toEqual([256, 512, 600]);
    const stop = new Error('enough');
    const onRows = (): never => {
      throw stop;
    };
    await expect(neighbourGraph(search, pool.vectors, { k: 2, onRows })).rejects.toBe(stop);
  });

  it.each<Metric>(['l2', 'cosine'])(
    'is what comparing all pairs gives, by %s, zero vectors included',
    async (metric) => {
      const coordinate = fc.integer({ min: -2, max: 2 });
      const points = fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 24 });
      await fc.assert(
        fc.asyncProperty(points, fc.integer({ min: 1, max: 6 }), async (rows, k) => {
          const pool = poolOf(
            rows.map((point) => [point, 'a'] as const),
            { metric },
          );
          const graph = await graphOf(pool, k);
          const vector = (row: number): Float32Array => pool.vectors.subarray(2 * row, 2 * row + 2);
          rows.forEach((_, row) => {
            const others = rows
              .map((_, other) => ({ other, distance: distanceBetween(vector(row), vector(other), metric) }))
              .filter(({ other }) => other !== row)
              .sort((a, b) => a.distance - b.distance || a.other - b.other)
              .slice(0, k);
            expect([...neighboursOf(graph, row)]).toEqual(others.map(({ other }) => other));
            expect([...distancesOf(graph, row)]).toEqual(others.map(({ distance }) => distance));
          });
        }),
        { numRuns: 60 },
      );
    },
  );
});
