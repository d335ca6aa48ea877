/** An index by each reducer: what is stored is what the reducer makes, and stays so in other processes and for later rows. */
import { fork } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AutoFitter, chosenRows } from '../../src/auto/auto-fitter.js';
import type { FeatureBlock } from '../../src/auto/columns.js';
import type { ExampleInput } from '../../src/core/item.js';
import { Rng } from '../../src/core/rng.js';
import { readSafetensors } from '../../src/core/safetensors.js';
import { reducerFitter, type Reduction } from '../../src/reduce/fitter.js';
import { openFeaturizer } from '../../src/selector/open-featurizer.js';
import type { BuildOptions } from '../../src/selector/options.js';
import type { IndexReduction } from '../../src/selector/reduction.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { findIndex } from '../../src/store/index-folder.js';
import { LanceStore } from '../../src/store/lance.js';
import { readManifest, type Manifest } from '../../src/store/manifest.js';
import { inPlace, tinyExamples, type Place } from './support.js';

/** Three labels, so that what tells them apart has two directions. */
const examples: readonly ExampleInput[] = tinyExamples(48).map((example, i) => ({
  ...example,
  label: ['cat', 'dog', 'both'][i % 3]!,
}));
/** Of equal texts the place of the first. */
const COPIES = examples.map(({ input }) => examples.findIndex((other) => other.input === input));
const DIMS = 8;
const SEED = 5;

const build = (place: Place, reducer: IndexReduction, options: Partial<BuildOptions> = {}): Promise<FungiSelector> =>
  FungiSelector.build({
    ...place.options('bank'),
    ...{ examples, reducer, dims: DIMS, features: { losses: [{ name: 'kl' }], seed: SEED } },
    ...options,
  });

const folderOf = (place: Place): Promise<string> => findIndex(place.options('bank').indexes!, 'bank');

async function storedVectors(place: Place): Promise<ReadonlyMap<string, Float32Array>> {
  const store = await LanceStore.open(await folderOf(place));
  const vectors = new Map<string, Float32Array>();
  for await (const batch of store.scan()) for (const { id, vector } of batch) vectors.set(id, vector);
  await store.close();
  return vectors;
}

/** Features before any reduction, of the index that lies there. */
async function featuresOf(place: Place): Promise<{
  readonly rows: Float32Array;
  readonly width: number;
  readonly blocks: readonly FeatureBlock[];
}> {
  const folder = await folderOf(place);
  const featurizer = await openFeaturizer(place.options('bank'), { folder, manifest: await readManifest(folder) });
  const { rows } = await featurizer.extractor.extract(examples.map(({ input }) => input));
  await featurizer.close();
  const { blocks } = featurizer.extractor.layout;
  return { rows, blocks, width: rows.length / examples.length };
}

const KINDS: readonly (readonly [IndexReduction, Reduction, Manifest['metric'], Partial<Manifest['reducer']>])[] = [
  [{ kind: 'pca' }, { kind: 'pca' }, 'l2', { dims: DIMS }],
  [
    { kind: 'lda', shrinkage: 0.3 },
    { kind: 'lda', shrinkage: 0.3 },
    'cosine',
    { dims: 2, limit: DIMS, shrinkage: { value: 0.3, chosen: 'given', scores: [] } },
  ],
  [{ kind: 'lda' }, { kind: 'lda', seed: SEED }, 'cosine', { dims: 2, limit: DIMS }],
  [
    { kind: 'blend' },
    { kind: 'blend', seed: SEED },
    'cosine',
    { dims: DIMS, supervised: 2, shares: { selection: 0.5, vote: 1 } },
  ],
  [{ kind: 'none' }, { kind: 'none' }, 'l2', {}],
];

const REDUCERS: readonly IndexReduction[] = [{ kind: 'auto' }, ...KINDS.map(([reducer]) => reducer)];

describe.each(KINDS)('an index by %j', (reducer, reduction, metric, facts) => {
  it('stores what a fitter by hand makes of its features, and says what was found', () =>
    inPlace(async (place) => {
      const selector = await build(place, reducer);
      const { manifest } = selector;
      await selector.close();
      const { rows, width } = await featuresOf(place);
      const fitter = reducerFitter(reduction, width);
      await fitter.add(
        rows,
        examples.map(({ label }) => label),
        COPIES,
      );
      const byHand = await fitter.fit(DIMS);
      const expected = await byHand.transform(rows);
      const stored = await storedVectors(place);
      expect(manifest).toMatchObject({ metric, dims: byHand.dims, reducer: { kind: reducer.kind, ...facts } });
      if (byHand.shrinkage !== undefined) {
        expect(manifest.reducer).toMatchObject({ shrinkage: { value: byHand.shrinkage } });
      }
      examples.forEach(({ id }, i) => {
        // A batch of other length may change the last digits of features.
        stored.get(id!)!.forEach((value, j) => {
          expect(value).toBeCloseTo(expected[i * byHand.dims + j]!, 4);
        });
      });
    }));
});

describe.each(REDUCERS)('a basis by %j', (reducer) => {
  it('gives later rows and queries the vectors of its stored basis', () =>
    inPlace(async (place) => {
      const built = await build(place, reducer);
      const { vectors } = await built.embed(['cat sat']);
      await built.add([{ id: 'late', input: 'cat sat', label: 'cat' }]);
      await built.close();
      expect((await storedVectors(place)).get('late')).toEqual(vectors[0]);
      const opened = await FungiSelector.open(place.options('bank'));
      expect((await opened.embed(['cat sat'])).vectors).toEqual(vectors);
      await opened.add([{ id: 'late', input: 'a dog', label: 'dog' }]);
      const [dog] = (await opened.embed(['a dog'])).vectors;
      await opened.close();
      expect((await storedVectors(place)).get('late')).toEqual(dog);
    }));

  it('is not opened when a bit of its basis is another', () =>
    inPlace(async (place) => {
      const built = await build(place, reducer);
      await built.close();
      const path = join(await folderOf(place), built.manifest.artefacts[1]!.file);
      const bytes = await readFile(path);
      const rng = Rng.stream('reducer damage');
      for (let i = 0; i < 12; i++) {
        const damaged = Buffer.from(bytes);
        const at = rng.int(bytes.length);
        damaged[at] = damaged[at]! ^ (1 << rng.int(8));
        await writeFile(path, damaged);
        await expect(FungiSelector.open(place.options('bank'))).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      }
      await writeFile(path, bytes);
      await (await FungiSelector.open(place.options('bank'))).close();
    }));
});

describe('the reducer of an index', () => {
  it('is the same in another process, to the last digit', () =>
    inPlace(async (place) => {
      const texts = ['cat sat', 'a dog'];
      const expected: number[][][] = [];
      for (const [i, reducer] of REDUCERS.entries()) {
        const selector = await build(place, reducer, { name: `bank${i}` });
        expected.push((await selector.embed(texts)).vectors.map((vector) => [...vector]));
        await selector.close();
      }
      const args = [place.folder, String(REDUCERS.length), ...texts];
      const child = fork(new URL('embed-child.ts', import.meta.url), args, { execArgv: ['--import', 'tsx'] });
      expect(await once(child, 'message')).toEqual([expected, undefined]);
    }));

  it('is chosen where none is named: what an AutoFitter by hand makes of all features', () =>
    inPlace(async (place) => {
      const features = { losses: [{ name: 'kl' as const }, { name: 'simclr' as const }], seed: SEED };
      await (await build(place, { kind: 'none' }, { features })).close();
      const { rows, blocks } = await featuresOf(place);
      const fitter = new AutoFitter({ blocks, dims: DIMS, seed: SEED });
      await fitter.add(
        rows,
        examples.map(({ label }) => label),
        COPIES,
      );
      const byHand = await fitter.fit();
      const { losses, shrinkage, shares, k, tried, expected } = byHand.choice!;
      const selector = await FungiSelector.build({ ...place.options('bank'), examples, dims: DIMS, features });
      const { manifest } = selector;
      await selector.close();
      expect(manifest).toMatchObject({
        metric: 'cosine',
        reducer: { kind: 'blend', shares, shrinkage: { value: shrinkage } },
        auto: { features: { losses: features.losses }, choice: { tried, losses, voters: k, expected } },
        features: { losses: losses.map((name) => ({ name })) },
      });
      expect(manifest.artefacts.map(({ file }) => file)).toEqual(['artefacts.safetensors', 'blend.safetensors']);
      const wanted = await byHand.reducer.transform(chosenRows(rows, blocks, byHand.blocks));
      const stored = await storedVectors(place);
      examples.forEach(({ id }, i) => {
        stored.get(id!)!.forEach((value, j) => {
          expect(value).toBeCloseTo(wanted[i * byHand.reducer.dims + j]!, 4);
        });
      });
    }));

  it('is as pca in a file of its own, as in indexes built before', () =>
    inPlace(async (place) => {
      const selector = await build(place, { kind: 'pca' });
      expect(selector.manifest.metric).toBe('l2');
      expect(selector.manifest.artefacts.map(({ file }) => file)).toEqual(['artefacts.safetensors', 'pca.safetensors']);
      expect(Object.keys(selector.manifest.reducer).sort()).toEqual(['centredOnly', 'dims', 'explained', 'kind']);
      await selector.close();
      const tensors = await readSafetensors(join(await folderOf(place), 'pca.safetensors'));
      expect([...tensors.keys()].sort()).toEqual(['components', 'mean', 'statistics', 'variance']);
    }));

  it.each<readonly [IndexReduction, string]>([
    [{ kind: 'lda' }, 'all rows have one label'],
    [{ kind: 'blend' }, 'all rows have one label'],
    [{ kind: 'auto' }, 'the plain embedding in place of a choice: all examples have one label'],
  ])('%j is a PCA where labels tell nothing', (reducer, why) =>
    inPlace(async (place) => {
      const same = examples.map((example) => ({ ...example, label: 'one' }));
      const warnings: unknown[] = [];
      const log = { debug: () => {}, info: () => {}, error: () => {}, warn: (text: unknown) => warnings.push(text) };
      const selector = await build(place, reducer, { examples: same, log });
      expect(selector.manifest).toMatchObject({
        metric: 'l2',
        reducer: { kind: 'pca', dims: DIMS, instead: { of: reducer.kind } },
      });
      expect(warnings).toEqual([expect.stringContaining(why)]);
      await selector.close();
      const opened = await FungiSelector.open(place.options('bank'));
      expect((await opened.select('cat sat a')).examples).toHaveLength(20);
      await opened.close();
    }),
  );

  it.each<[string, Partial<BuildOptions>, RegExp]>([
    ['no kind', { reducer: { kind: 'ica' } as never }, /^reducer\.kind/],
    ['a shrinkage above 1', { reducer: { kind: 'lda', shrinkage: 1.5 } }, /^reducer\.shrinkage/],
    ['a share below 0', { reducer: { kind: 'blend', shares: { vote: -0.1 } } }, /^reducer\.shares\.vote/],
    ['shares of an lda', { reducer: { kind: 'lda', shares: {} } as never }, /^reducer: .*shares/],
    ['what is chosen by l2', { metric: 'l2' }, /metric l2 with a blend/],
    ['what is chosen of one dimension', { dims: 1 }, /two parts/],
    ['time before it began', { reducer: { kind: 'auto', budgetSeconds: -1 } }, /^reducer\.budgetSeconds/],
    ['a blend by l2', { reducer: { kind: 'blend' }, metric: 'l2' }, /metric l2 with a blend/],
    ['a blend of one dimension', { reducer: { kind: 'blend' }, dims: 1 }, /two parts/],
    ['half a dimension', { dims: 0.5 }, /dims is 0\.5/],
  ])('is refused before anything is loaded where it is %s', async (_, options, says) => {
    const building = FungiSelector.build({ name: 'bank', encoder: './no-such-model', examples, ...options });
    await expect(building).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(says) as string,
    });
  });

  it('may be compared by another distance where that is one of its vectors', () =>
    inPlace(async (place) => {
      for (const [reducer, metric] of [
        [{ kind: 'pca' }, 'cosine'],
        [{ kind: 'lda' }, 'l2'],
      ] as const) {
        const selector = await build(place, reducer, { metric });
        expect(selector.manifest.metric).toBe(metric);
        await selector.close();
      }
    }));

  it('has one direction for two labels, compared by distance', () =>
    inPlace(async (place) => {
      const two = tinyExamples(40);
      const lda = await build(place, { kind: 'lda' }, { examples: two });
      expect(lda.manifest).toMatchObject({ metric: 'l2', dims: 1 });
      await lda.close();
      const blend = await build(place, { kind: 'blend' }, { examples: two });
      // A cosine along one direction is a sign, which tells nobody who is near.
      expect(blend.manifest.reducer).toMatchObject({ supervised: 1, shares: { selection: 0.5, vote: 0.5 } });
      await blend.close();
    }));
});
