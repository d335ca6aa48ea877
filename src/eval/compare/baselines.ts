/** Selectors that know nothing of meaning: what a better one has to beat. */
import { Rng } from '../../core/rng.js';
import { Bm25Index } from '../../policies/bm25.js';
import type { ExampleSelector } from './example-selector.js';

/** k examples at random, others for each query. */
export const randomSelector: ExampleSelector = {
  name: 'random',
  seeded: true,
  select: ({ pool, queries, k, seed }) =>
    Promise.resolve(
      queries.map((query) => Rng.stream(seed, 'random-examples', query).sample(pool.length, Math.min(k, pool.length))),
    ),
};

/** The same k random examples for every query, as a prompt that is written once has. */
export const fixedSelector: ExampleSelector = {
  name: 'fixed',
  seeded: true,
  select({ pool, queries, k, seed }) {
    const rows = Rng.stream(seed, 'fixed-examples').sample(pool.length, Math.min(k, pool.length));
    return Promise.resolve(queries.map(() => rows));
  },
};

/** BM25+ on words. A query that shares no word with the pool gets fewer than k, or none. */
export const bm25Selector: ExampleSelector = {
  name: 'bm25',
  seeded: false,
  select({ pool, queries, k }) {
    const index = new Bm25Index(pool.map(({ input }, row) => [row, input]));
    return Promise.resolve(queries.map((query) => index.search(query, k).map(({ row }) => row)));
  },
};
