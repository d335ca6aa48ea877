import { expect, it } from 'vitest';
import { candidateGraph } from '../../src/health/next-items.js';
import { ExactSearch } from '../../src/retrieve/exact-search.js';

it('the neighbours of candidates are other candidates, by number, and rows of the pool, which are counted', async () => {
  const search = await ExactSearch.create(Float32Array.of(0, 1, 10), { rows: 3, dims: 1, metric: 'l2' });
  const candidates = Float32Array.of(0.4, 20, 21, 23);
  search.append(candidates);
  const told: number[] = [];
  const onRows = (done: number): unknown => told.push(done);
  expect(await candidateGraph(search, candidates, { rows: 3, dims: 1, k: 2, onRows })).toEqual({
    candidates: [[], [2, 3], [1, 3], [2, 1]],
    pooled: [2, 0, 0, 0],
  });
  expect(told).toEqual([4]);
});
