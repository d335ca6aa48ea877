/** Selectors that know nothing of meaning: what a better one has to beat. */
import MiniSearch from 'minisearch';
import { Rng } from '../../core/rng.js';
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

/** BM25+ on words (MiniSearch's scoring, with its defaults). A query that shares no word with the pool gets fewer than k, or none. */
export const bm25Selector: ExampleSelector = {
  name: 'bm25',
  seeded: false,
  select({ pool, queries, k }) {
    const index = new MiniSearch<{ id: number; text: string }>({ fields: ['text'] });
    index.addAll(pool.map(({ input }, id) => ({ id, text: input })));
    // Equal scores in the order of the pool: MiniSearch's own order is that of its tables.
    const nearest = (query: string): number[] =>
      index
        .search(query)
        .sort((a, b) => b.score - a.score || (a.id as number) - (b.id as number))
        .slice(0, k)
        .map(({ id }) => id as number);
    return Promise.resolve(queries.map(nearest));
  },
};
