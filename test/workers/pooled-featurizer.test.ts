/** Real model processes over a model of a few kilobytes: what they compute is what this process computes. */
import { describe, expect, it } from 'vitest';
import { EncoderEmbedder } from '../../src/selector/embedder.js';
import { FungiSelector, type Selection } from '../../src/selector/selector.js';
import { FeatureCache } from '../../src/workers/feature-cache.js';
import { ModelPool } from '../../src/workers/model-pool.js';
import { PooledEmbedder, PooledFeaturizer } from '../../src/workers/pooled-featurizer.js';
import { inPlace, tinyExamples } from '../selector/support.js';

const QUERIES = tinyExamples(40)
  .slice(20)
  .map(({ input }) => input);

/** Runs are others than those of one process, and round otherwise. */
function assertSameSplits(found: readonly Selection[], expected: readonly Selection[]): void {
  const numbers = (selections: readonly Selection[]): number[] =>
    selections.flatMap(({ explanation }) =>
      explanation!.chosen.flatMap(({ split }) => split!.blocks.flatMap(({ before, after }) => [before, after])),
    );
  const [own, other] = [numbers(found), numbers(expected)];
  expect(own).toHaveLength(other.length);
  own.forEach((value, i) => {
    expect(value).toBeCloseTo(other[i]!, 5);
  });
}

describe('features of a pool', () => {
  // Under auto, 1 − product: it rounds as the sum of the squares does.
  it.each([
    ['auto', 6],
    ['pca', 12],
  ] as const)(
    'are those that the index by %s gives by itself, and so are its selections',
    async (kind, digits) => {
      await inPlace(async (place) => {
        const options = place.options('bank');
        const alone = await FungiSelector.build({ ...options, examples: tinyExamples(20), reducer: { kind } });
        const expected = await alone.embed(QUERIES);
        const selections = await alone.selectBatch(QUERIES, { k: 5 });
        const explained = await alone.selectBatch(QUERIES.slice(0, 3), { k: 4, explain: 'blocks' });
        const { storeId } = alone.manifest;
        await alone.close();
        const pool = new ModelPool();
        try {
          const cache = new FeatureCache(1e6);
          const served = await FungiSelector.open(options, (_, { manifest }) =>
            PooledFeaturizer.open(pool, cache, { kind: 'index', key: 'bank', storeId: manifest.storeId, options }),
          );
          expect(await served.embed(QUERIES)).toEqual(expected);
          expect(await served.selectBatch(QUERIES, { k: 5 })).toEqual(selections);
          expect(cache.hits).toBeGreaterThanOrEqual(QUERIES.length);
          // What features are made of is kept beside the features, and not taken for them.
          const asked = () => served.selectBatch(QUERIES.slice(0, 3), { k: 4, explain: 'blocks' });
          const first = await asked();
          assertSameSplits(first, explained);
          const { hits } = cache;
          expect(await asked()).toEqual(first);
          const items = new Set(first.flatMap(({ explanation }) => explanation!.chosen.map(({ id }) => id))).size;
          expect(cache.hits - hits).toBe(3 + 3 + items);
          expect(await served.embed(QUERIES)).toEqual(expected);
          const added = [{ id: 'new', input: 'cat sat', label: 'cat' }];
          expect(await served.add(added)).toEqual({ inserted: 1, updated: 0, truncated: 0 });
          expect((await served.select('cat sat', { k: 1 })).examples[0]).toMatchObject({
            id: 'new',
            distance: expect.closeTo(0, digits) as number,
          });
          await served.close();
          const another = { kind: 'index', key: 'other', storeId: `${storeId}x`, options } as const;
          await expect(PooledFeaturizer.open(pool, cache, another)).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
        } finally {
          await pool.close();
        }
      });
    },
    60_000,
  );

  it('are an encoder’s plain embeddings', async () => {
    await inPlace(async (place) => {
      const { encoder, sources = {} } = place.options('unused');
      const alone = await EncoderEmbedder.load({ encoder, sources });
      const expected = await alone.embed(QUERIES);
      await alone.close();
      const pool = new ModelPool();
      try {
        const source = { kind: 'encoder', key: 'tiny', options: { encoder, sources } } as const;
        const served = await PooledEmbedder.open('tiny', pool, new FeatureCache(0), source);
        expect(served.dims).toBe(alone.dims);
        expect(await served.embed(QUERIES)).toEqual(expected);
      } finally {
        await pool.close();
      }
    });
  }, 60_000);
});
