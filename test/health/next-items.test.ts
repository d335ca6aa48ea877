import { expect, it } from 'vitest';
import { candidateGraph } from '../../src/health/next-items.js';
import { Pace } from '../../src/health/pace.js';
import { pacedSearch } from '../../src/health/paced-search.js';

it('the neighbours of candidates are other candidates, by number, and rows of the pool, which are counted', async () => {
  const paced = await pacedSearch(Float32Array.of(0, 1, 10), { rows: 3, dims: 1, metric: 'l2' }, new Pace());
  const candidates = Float32Array.of(0.4, 20, 21, 23);
  paced.search.append(candidates);
  expect(await candidateGraph(paced, candidates, { rows: 3, k: 2 })).toEqual({
    candidates: [[], [2, 3], [1, 3], [2, 1]],
    pooled: [2, 0, 0, 0],
  });
});
