/** One table, two spaces: by one share of a blend examples are chosen, by another neighbours vote. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { rm } from 'node:fs/promises';
import type { ExampleInput } from '../../src/core/item.js';
import { rowsAt } from '../../src/reduce/shares.js';
import { cosineDistance, squareOf } from '../../src/retrieve/distance.js';
import { ExactSearch } from '../../src/retrieve/exact-search.js';
import { majorityVote } from '../../src/retrieve/vote.js';
import { LocalFeaturizer } from '../../src/selector/featurizer.js';
import type { IndexReduction } from '../../src/selector/reduction.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { makePlace, tinyExamples, type Place } from './support.js';

const examples: readonly ExampleInput[] = tinyExamples(60).map((example, i) => ({
  ...example,
  label: ['cat', 'dog', 'both'][(i * 7) % 3]!,
}));
const QUERIES = ['cat a b', 'the dog sat', 'dog', 'b c d'];
const K = 7;

let place: Place;
beforeAll(async () => {
  place = await makePlace();
});
afterAll(() => rm(place.folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

async function withIndex<T>(reducer: IndexReduction, work: (selector: FungiSelector) => Promise<T>): Promise<T> {
  const selector = await FungiSelector.build({ ...place.options('bank'), examples, reducer, dims: 12 });
  try {
    return await work(selector);
  } finally {
    await selector.close();
  }
}

const blend = (selection: number, vote: number): IndexReduction => ({ kind: 'blend', shares: { selection, vote } });
type Neighbours = readonly { readonly id: string; readonly label: string; readonly distance: number }[];
const plain = (neighbours: Neighbours) => neighbours.map(({ id, label, distance }) => ({ id, label, distance }));

/** The nearest of all examples by the cosine of a blend that has the share itself, from what the index gives out. */
async function nearestAt(selector: FungiSelector, share: number, query: string): Promise<Neighbours> {
  const { reducer } = selector.manifest;
  if (reducer.kind !== 'blend') throw new Error('no blend');
  const parts = { supervised: reducer.supervised, unsupervised: reducer.unsupervised.dims };
  const { vectors } = await selector.embed([query, ...examples.map(({ input }) => input)]);
  const [own, ...rows] = vectors.map((vector) => rowsAt(share, vector, parts));
  return rows
    .map((row, i) => ({
      ...{ id: examples[i]!.id!, label: examples[i]!.label },
      distance: cosineDistance(own!, row, squareOf(own!) * squareOf(row)),
    }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, K);
}

function expectNear(found: Neighbours, expected: Neighbours): void {
  expect(found).toHaveLength(expected.length);
  found.forEach(({ distance }, i) => {
    // Equal texts are equally near: of those any order will do.
    expect(Math.abs(distance - expected[i]!.distance)).toBeLessThan(5e-4);
  });
}

describe('an index by a blend', () => {
  it.each([
    [0.5, 1],
    [0.25, 0.75],
    [1, 0],
  ])('chooses by a share of %d and votes by one of %d', (selection, vote) =>
    withIndex(blend(selection, vote), async (selector) => {
      for (const query of QUERIES) {
        const found = await selector.select(query, { k: K });
        expectNear(found.examples, await nearestAt(selector, selection, query));
        expectNear(found.voters!, await nearestAt(selector, vote, query));
        const answer = await selector.answer(query, { k: K });
        expect(answer.vote).toEqual(majorityVote(found.voters!));
        expect(answer.label).toBe(answer.vote.label);
      }
    }),
  );

  it('has for voters whom the index would choose if it chose by their share', async () => {
    const policy = { duplicates: { distance: 0.01 }, maxPerLabel: 3, abstain: { below: 0.4 } } as const;
    const options = { k: K, explain: true, policy: { ...policy, exclude: { query: true } } };
    const chosen = await withIndex(blend(1, 1), (selector) => selector.selectBatch(QUERIES, options));
    const both = await withIndex(blend(0.5, 1), (selector) => selector.selectBatch(QUERIES, options));
    const other = await withIndex(blend(0.5, 0.5), (selector) => selector.selectBatch(QUERIES, options));
    both.forEach((selection, i) => {
      expect(selection.voters).toEqual(plain(chosen[i]!.examples));
      expect(selection.posterior).toEqual(chosen[i]!.posterior);
      expect(selection.abstains).toBe(chosen[i]!.abstains);
      expect(selection.examples).toEqual(other[i]!.examples);
      expect(selection.explanation).toEqual({ ...other[i]!.explanation, posterior: chosen[i]!.posterior });
    });
    expect(both.map(({ posterior }) => posterior)).not.toEqual(other.map(({ posterior }) => posterior));
  });

  it('tells duplicates by the share that chooses', () =>
    withIndex(blend(1, 1), async (selector) => {
      const limit = 0.05;
      const policy = { duplicates: { text: false, distance: limit } } as const;
      const found = await selector.select('cat a b', { k: K, policy, explain: true });
      expect(found.explanation!.dropped.some(({ rule }) => rule === 'duplicate')).toBe(true);
      expect(found.examples.length).toBeGreaterThan(2);
      for (const { id, input } of found.examples) {
        // Nearest to itself: whoever else is within the limit was not chosen.
        const near = (await nearestAt(selector, 1, input)).filter(({ distance }) => distance < limit - 1e-3);
        const twins = near.filter((other) => found.examples.some((chosen) => chosen.id === other.id));
        expect(twins.map((twin) => twin.id)).toEqual([id]);
      }
    }));

  it('is calibrated in the space of the vote', async () => {
    const options = { k: K, method: 'platt', examples: tinyExamples(90).slice(60) } as const;
    const [one, both, other] = [
      await withIndex(blend(1, 1), (selector) => selector.calibrate(options)),
      await withIndex(blend(0, 1), (selector) => selector.calibrate(options)),
      await withIndex(blend(0, 0), (selector) => selector.calibrate(options)),
    ];
    expect(both).toEqual(one);
    expect(both).not.toEqual(other);
  });

  it('gives out what is stored, whatever the shares', async () => {
    const given = async (selector: FungiSelector) => ({
      embedded: (await selector.embed(['dog'])).vectors[0],
      asked: (await selector.select('dog', { includeVector: true })).vector,
    });
    const one = await withIndex(blend(0.5, 0.5), given);
    const other = await withIndex(blend(0.1, 0.9), given);
    expect(other).toEqual(one);
    expect(other.asked).toEqual(other.embedded);
  });

  it('lets rows of other processes and later ones vote', () =>
    withIndex(blend(0.5, 1), async (selector) => {
      await selector.add([{ id: 'late', input: 'a a a b', label: 'bird' }]);
      const { voters } = await selector.select('a a a b', { k: 1 });
      expect(voters).toEqual([{ id: 'late', label: 'bird', distance: expect.closeTo(0, 5) as number }]);
      expect((await selector.answer('a a a b', { k: 1 })).label).toBe('bird');
    }));

  it.each<IndexReduction>([blend(0.5, 1), { kind: 'auto' }])(
    'as %j is searched once more for a vote, and encoded once',
    (reducer) =>
      withIndex(reducer, async (selector) => {
        const search = vi.spyOn(ExactSearch.prototype, 'search');
        const encode = vi.spyOn(LocalFeaturizer.prototype, 'featurize');
        await selector.answer('dog');
        expect([search.mock.calls.length, encode.mock.calls.length]).toEqual([2, 1]);
      }),
  );

  it.each<IndexReduction>([{ kind: 'pca' }, { kind: 'lda' }, { kind: 'none' }, blend(0.5, 0.5), blend(1, 1)])(
    'of one space, as %j, is searched once, and its examples vote',
    (reducer) =>
      withIndex(reducer, async (selector) => {
        const search = vi.spyOn(ExactSearch.prototype, 'search');
        const { selection, vote } = await selector.answer('dog', { k: K });
        expect(search).toHaveBeenCalledTimes(1);
        expect(selection).not.toHaveProperty('voters');
        expect(vote).toEqual(majorityVote(selection.examples));
      }),
  );
});

describe('an index that chose for itself', () => {
  it('chooses by the share it chose, and lets as many vote as it chose, where it chose', () =>
    withIndex({ kind: 'auto' }, async (selector) => {
      const { reducer, auto } = selector.manifest;
      if (reducer.kind !== 'blend') throw new Error('no blend');
      const { shares } = reducer;
      const { voters } = auto!.choice!;
      for (const query of QUERIES) {
        const found = await selector.select(query, { k: K });
        expectNear(found.examples, await nearestAt(selector, shares.selection, query));
        expect(found.voters).toHaveLength(voters);
        const shared = Math.min(K, voters);
        const voting = await nearestAt(selector, shares.vote, query);
        expectNear(found.voters!.slice(0, shared), voting.slice(0, shared));
        const answer = await selector.answer(query, { k: K });
        expect(answer.vote).toEqual(majorityVote(found.voters!));
        // However many examples are shown, the same vote.
        expect((await selector.answer(query, { k: 1 })).vote).toEqual(answer.vote);
      }
    }));

  it('finds every example first among its equals, at distance zero, in both of its spaces', () =>
    withIndex({ kind: 'auto' }, async (selector) => {
      const found = await selector.selectBatch(examples.map(({ input }) => input));
      found.forEach(({ examples: [nearest], voters }, i) => {
        expect(nearest!.input).toBe(examples[i]!.input);
        expect(nearest!.distance).toBeLessThan(1e-4);
        expect(voters![0]!.distance).toBeLessThan(1e-4);
      });
    }));

  it('chooses where it votes when so many labels are asked for', () =>
    withIndex({ kind: 'auto' }, async (selector) => {
      const { reducer } = selector.manifest;
      if (reducer.kind !== 'blend') throw new Error('no blend');
      for (const query of QUERIES) {
        const { examples: chosen } = await selector.select(query, { k: K, policy: { minLabels: 1 } });
        expectNear(chosen, await nearestAt(selector, reducer.shares.vote, query));
      }
    }));
});
