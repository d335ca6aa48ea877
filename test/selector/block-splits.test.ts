/** Explanations by block: against features that the extractor gives, alone and in batch, in every space that examples are chosen in. */
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplainedExample } from '../../src/policies/explanation.js';
import { distanceBetween } from '../../src/retrieve/distance.js';
import { openFeaturizer } from '../../src/selector/open-featurizer.js';
import type { BuildOptions } from '../../src/selector/options.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { findIndex } from '../../src/store/index-folder.js';
import { readManifest } from '../../src/store/manifest.js';
import { TinyImages } from '../support/tiny-images.js';
import { inPlace, tinyExamples, type Place } from './support.js';

/** Three labels, so that what tells them apart has two directions. */
const examples = tinyExamples(48).map((example, i) => ({ ...example, label: ['cat', 'dog', 'both'][i % 3]! }));
const QUERIES = ['cat sat a', 'the dog', 'd c b a'];
const features: BuildOptions['features'] = {
  losses: [{ name: 'kl' }, { name: 'simclr', temperature: 0.1 }],
  embeddingWeight: 2,
};

const build = (place: Place, options: Partial<BuildOptions>): Promise<FungiSelector> =>
  FungiSelector.build({ ...place.options('bank'), ...{ examples, dims: 8, features }, ...options });

/** Features before reduction, straight from the extractor, and their blocks. */
async function featuresOf(place: Place, items: readonly string[]) {
  const folder = await findIndex(place.options('bank').indexes!, 'bank');
  const featurizer = await openFeaturizer(place.options('bank'), { folder, manifest: await readManifest(folder) });
  const { rows } = await featurizer.extractor.extract(items);
  await featurizer.close();
  const { blocks, width } = featurizer.extractor.layout;
  return { blocks, of: items.map((_, i) => rows.subarray(i * width, (i + 1) * width)) };
}

const splitsOf = (chosen: readonly ExplainedExample[]) => chosen.map(({ split }) => split!);

const CASES: readonly [string, Partial<BuildOptions>][] = [
  ['auto', { reducer: { kind: 'auto' } }],
  ['pca', { reducer: { kind: 'pca' } }],
  ['pca by cosine', { reducer: { kind: 'pca' }, metric: 'cosine' }],
  ['lda', { reducer: { kind: 'lda' } }],
  ['blend', { reducer: { kind: 'blend', shares: { selection: 0.3, vote: 1 } } }],
  ['none', { reducer: { kind: 'none' } }],
];

describe.each(CASES)('an index by %s', (name, options) => {
  it('splits each distance into blocks that sum to it, from features as the extractor gives them', () =>
    inPlace(async (place) => {
      const selector = await build(place, options);
      const { metric } = selector.manifest;
      const items = [...QUERIES, ...examples.map(({ input }) => input)];
      const { blocks, of } = await featuresOf(place, items);
      const residuals: number[] = [];
      for (const query of QUERIES) {
        const { explanation } = await selector.select(query, { k: 6, explain: 'blocks' });
        for (const { id, distance, split } of explanation!.chosen) {
          const { before, after, residual, blocks: shares } = split!;
          const total = metric === 'l2' ? distance ** 2 : distance;
          expect(Math.abs(after - total)).toBeLessThan(1e-5 * Math.max(1, total));
          const [q, e] = [of[items.indexOf(query)]!, of[QUERIES.length + examples.findIndex((x) => x.id === id)]!];
          const full = distanceBetween(q, e, metric);
          expect(Math.abs(before - (metric === 'l2' ? full ** 2 : full))).toBeLessThan(1e-5);
          expect(residual).toBe(after - before);
          residuals.push(residual);
          expect(shares.map(({ block }) => block)).toEqual(blocks.map((block) => block.name));
          const weights = blocks.reduce((sum, { weight }) => sum + weight ** 2, 0);
          blocks.forEach(({ start, width, weight }, b) => {
            const cosine = distanceBetween(
              q.subarray(start, start + width),
              e.subarray(start, start + width),
              'cosine',
            );
            const own = weight ** 2 * cosine * (metric === 'l2' ? 2 : 1 / weights);
            expect(Math.abs(shares[b]!.before - own)).toBeLessThan(1e-5);
          });
        }
        blocks.forEach((_, b) => {
          const near = splitsOf(explanation!.chosen).map((split) => split.blocks[b]!);
          for (const { before, rank } of near) expect(rank).toBe(1 + near.filter((x) => x.before < before).length);
        });
      }
      await selector.close();
      const largest = Math.max(...residuals.map(Math.abs));
      if (name === 'none') expect(largest).toBeLessThan(1e-5);
      else expect(largest).toBeGreaterThan(1e-3); // what is left out is not nothing
      // A turn onto fewer directions brings nothing apart.
      if (name === 'pca') expect(Math.max(...residuals)).toBeLessThan(1e-5);
    }));

  it('explains alone as in a batch, and chooses as without', () =>
    inPlace(async (place) => {
      const selector = await build(place, options);
      const batch = await selector.selectBatch(QUERIES, { k: 5, explain: 'blocks' });
      const plain = await selector.selectBatch(QUERIES, { k: 5, explain: true });
      for (const [i, query] of QUERIES.entries()) {
        const alone = await selector.select(query, { k: 5, explain: 'blocks' });
        const [one, other] = [alone, batch[i]!].map(({ explanation }) => splitsOf(explanation!.chosen));
        one!.forEach((split, at) => {
          // Whitened directions see differences that rounding makes: parts that cancel are larger than their sum.
          const size = Math.max(1, ...split.blocks.map(({ after }) => Math.abs(after)));
          split.blocks.forEach(({ block, before, after }, b) => {
            const same = other![at]!.blocks[b]!;
            expect(same.block).toBe(block);
            expect(Math.abs(same.before - before)).toBeLessThan(1e-5);
            expect(Math.abs(same.after - after)).toBeLessThan(1e-4 * size);
          });
        });
        const { explanation, ...rest } = batch[i]!;
        const chosen = explanation!.chosen.map((each) => ({ ...each, split: undefined }));
        expect({ ...rest, explanation: { ...explanation, chosen } }).toEqual(plain[i]);
      }
      await selector.close();
    }));
});

describe('an explanation by block', () => {
  it('is of the space that examples are chosen in, where a policy changes it too, and of examples that were added', () =>
    inPlace(async (place) => {
      const selector = await build(place, { reducer: { kind: 'auto' } });
      await selector.add([{ id: 'new', input: 'the cat sat b a d', label: 'cat' }]);
      const policies = [{ minLabels: 3 }, { choice: { by: 'mmr', lambda: 0.2 } }, { hybrid: true }] as const;
      for (const policy of policies) {
        const { explanation } = await selector.select('the cat sat b a', { k: 6, policy, explain: 'blocks' });
        for (const { distance, split } of explanation!.chosen) expect(split!.after).toBeCloseTo(distance, 5);
      }
      const { explanation } = await selector.select('the cat sat b a d', { k: 1, explain: 'blocks' });
      expect(explanation!.chosen[0]).toMatchObject({ id: 'new' });
      for (const { before, rank } of explanation!.chosen[0]!.split!.blocks) {
        expect(before).toBeCloseTo(0, 5);
        expect(rank).toBe(1);
      }
      await selector.close();
    }));

  it('is there for no examples and for more than are encoded together', () =>
    inPlace(async (place) => {
      const selector = await build(place, { reducer: { kind: 'pca' }, features: { losses: [] } });
      const none = await selector.select('cat', { filter: { label: 'none' }, explain: 'blocks' });
      expect(none.explanation!.chosen).toEqual([]);
      const many = await selector.selectBatch(Array<string>(60).fill('cat sat'), { k: 40, explain: 'blocks' });
      const [first] = many;
      for (const { explanation } of many) {
        expect(explanation!.chosen.map(({ id }) => id)).toEqual(first!.explanation!.chosen.map(({ id }) => id));
        expect(splitsOf(explanation!.chosen).every(({ blocks }) => blocks.length === 1)).toBe(true);
      }
      await selector.close();
    }));
});

describe('of images', () => {
  let images: TinyImages;
  beforeAll(async () => {
    images = await TinyImages.create();
  });
  afterAll(() => images.remove());

  it('names the example whose file is gone, damaged or another one, and does without blocks all the same', async () => {
    const paths: string[] = [];
    for (let i = 0; i < 6; i++) paths.push(await images.picture(i));
    const selector = await FungiSelector.build({
      ...{ name: 'birds', indexes: join(images.folder, 'indexes'), encoder: images.model, dims: 4 },
      examples: paths.map((input, i) => ({ id: `p${i}`, input, label: i % 2 === 0 ? 'cat' : 'dog' })),
      reducer: { kind: 'pca' },
    });
    const query = await images.picture(7);
    const explained = () => selector.select(query, { k: 6, explain: 'blocks' });
    for (const { distance, split } of (await explained()).explanation!.chosen) {
      expect(split!.after).toBeCloseTo(distance ** 2, 5);
    }
    await copyFile(query, paths[3]!);
    await expect(explained()).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(/^example "p3": is not what the index holds/) as string,
      details: { example: 'example "p3"' },
    });
    await rm(paths[3]!);
    await expect(explained()).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/^example "p3": .*3\.png/) as string,
      details: { example: 'example "p3"' },
    });
    expect((await selector.select(query, { k: 6, explain: true })).examples).toHaveLength(6);
    await selector.close();
  });
});
