/** Features of images: the same alone, in any company and order, wherever the file lies; and each view encoded once. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { viewKey } from '../../src/core/content.js';
import { loadEncoder } from '../../src/encoders/load-encoder.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { buildArtefacts } from '../../src/features/artefacts.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../../src/features/spec.js';
import { relativeError } from '../support/golden.js';
import { TinyImages } from '../support/tiny-images.js';

const OPTIONS: FeatureOptions = {
  seed: 3,
  losses: [
    { name: 'kl', latent: 24 },
    { name: 'simclr', latent: 12, views: 9, negativeItems: 4, negativeViews: 4 },
    { name: 'dino', latent: 20, locals: 3, augmentation: 'standard' },
    { name: 'deepcluster', latent: 10, locals: 2, sets: 2, prototypes: 5 },
    { name: 'ibot', latent: 16, locals: 1, masked: 0.5 },
  ],
  projection: { kind: 'nystrom', landmarks: 6, rank: 4 },
};
const spec = featureSpec(OPTIONS, 'image');

let images: TinyImages;
let pool: string[];
let engine: GradientEngine;
let extractor: FeatureExtractor;

beforeAll(async () => {
  images = await TinyImages.create();
  pool = [];
  for (let i = 0; i < 8; i++) pool.push(await images.picture(i));
  engine = await createEngine(
    await loadEncoder(images.model, { ...readConfig({}), cacheDir: images.folder, offline: true }),
  );
  extractor = await FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, pool));
});
afterAll(async () => {
  await engine.close();
  await images.remove();
});

const row = (rows: Float32Array, i: number): Float32Array =>
  rows.subarray(i * extractor.layout.width, (i + 1) * extractor.layout.width);

describe('features of images', () => {
  it('have a block of unit length for each loss', async () => {
    const { rows } = await extractor.extract(pool);
    expect(extractor.layout.blocks.map(({ name }) => name)).toEqual([
      'kl',
      'simclr',
      'dino',
      'deepcluster',
      'ibot',
      'embedding',
    ]);
    for (let i = 0; i < pool.length; i++) {
      for (const { start, width } of extractor.layout.blocks) {
        expect(Math.hypot(...row(rows, i).subarray(start, start + width))).toBeCloseTo(1, 5);
      }
    }
  });

  it('are the same alone, in any company and in any order', async () => {
    const { rows } = await extractor.extract(pool);
    const backwards = (await extractor.extract(pool.toReversed())).rows;
    for (const [i, item] of pool.entries()) {
      const { rows: alone } = await extractor.extract([item]);
      expect(relativeError(alone, row(rows, i))).toBeLessThan(1e-4);
      expect(relativeError(row(backwards, pool.length - 1 - i), row(rows, i))).toBeLessThan(1e-4);
    }
  });

  it('depend on the bytes and not on where they lie', async () => {
    const copy = join(images.folder, 'copy.bin');
    await copyFile(pool[2]!, copy);
    const url = `data:image/png;base64,${(await readFile(pool[2]!)).toString('base64')}`;
    const { rows } = await extractor.extract([pool[2]!, copy, url]);
    expect(row(rows, 1)).toEqual(row(rows, 0));
    expect(row(rows, 2)).toEqual(row(rows, 0));
    expect(new Set(await engine.identify([pool[2]!, copy, url])).size).toBe(1);
  });

  it('are of other artefacts under another seed, and of the same under the same', async () => {
    const again = await buildArtefacts(engine, spec, pool);
    const other = await buildArtefacts(engine, featureSpec({ ...OPTIONS, seed: 4 }, 'image'), pool);
    const first = await buildArtefacts(engine, spec, pool);
    for (const [name, { data }] of Object.entries(again.tensors)) expect(data).toEqual(first.tensors[name]!.data);
    expect(other.tensors['dino.head.weight']!.data).not.toEqual(first.tensors['dino.head.weight']!.data);
    expect(Object.keys(first.tensors)).toEqual(
      expect.arrayContaining([
        'dino.teacher.head.weight',
        'deepcluster.prototypes.0',
        'deepcluster.prototypes.1',
        'simclr.negatives',
      ]),
    );
    expect(first.tensors['dino.teacher.head.weight']!.data).not.toEqual(first.tensors['dino.head.weight']!.data);
    // No more prototypes than the pool has items, no more negatives than asked for.
    expect(first.tensors['deepcluster.prototypes.0']!.shape).toEqual([10, 5]);
    expect(first.tensors['simclr.negatives']!.shape).toEqual([12, 16]);
  });

  it('encode each view once, however many items it is of', async () => {
    const asked: number[] = [];
    const counting: GradientEngine = Object.create(engine, {
      encode: {
        value: (...asking: Parameters<GradientEngine['encode']>) => (
          asked.push(asking[0].length),
          engine.encode(...asking)
        ),
      },
    }) as GradientEngine;
    const counted = await FeatureExtractor.create(counting, spec, await buildArtefacts(engine, spec, pool));
    const copy = join(images.folder, 'copy-2.bin');
    await copyFile(pool[0]!, copy);
    await counted.extract([pool[0]!, copy, pool[0]!]);
    const views = [...counted.views(await engine.open([pool[0]!]))];
    expect(views).toHaveLength(1 + 1 + 9 + 5 + 4 + 5); // itself for the embedding and KL, patches, DINO's, DeepCluster's and iBOT's crops
    const distinct = new Set(views.map(viewKey)).size;
    expect(distinct).toBeLessThan(views.length);
    expect(asked).toEqual([distinct]);
  });

  it('have the same blocks beside a loss that needs all tokens as without it', async () => {
    const losses = OPTIONS.losses!.filter(({ name }) => name !== 'ibot');
    const fewer = featureSpec({ ...OPTIONS, losses }, 'image');
    const without = await FeatureExtractor.create(engine, fewer, await buildArtefacts(engine, fewer, pool));
    expect([extractor.kept, without.kept]).toEqual(['tokens', 'pooled']);
    expect([extractor.window.tokensPerItem, without.window.tokensPerItem]).toEqual([5, 1]);
    const [all, some] = [(await extractor.extract(pool)).rows, (await without.extract(pool)).rows];
    for (const { name, start, width } of without.layout.blocks) {
      const own = extractor.layout.blocks.find((block) => block.name === name)!;
      for (let i = 0; i < pool.length; i++) {
        const from = i * without.layout.width + start;
        const found = row(all, i).subarray(own.start, own.start + width);
        expect(relativeError(found, some.subarray(from, from + width))).toBeLessThan(1e-4);
      }
    }
  });

  it('name all missing files before anything is computed', async () => {
    const missing = [join(images.folder, 'gone-1.png'), join(images.folder, 'gone-2.png')];
    await expect(engine.identify([pool[0]!, ...missing])).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      details: { missing },
    });
  });

  it('refuse a text', async () => {
    const text = join(images.folder, 'note.png');
    await writeFile(text, 'no picture');
    await expect(extractor.extract([text])).rejects.toMatchObject({
      code: 'INVALID_MEDIA',
      message: expect.stringContaining('note.png') as string,
    });
  });
});

describe('settings of losses by modality', () => {
  it('default to the paper’s tables 13, 22 and 24', () => {
    const simclr = (modality: 'text' | 'image' | 'audio') =>
      featureSpec({ losses: [{ name: 'simclr' }] }, modality).losses[0];
    expect(simclr('text')).toMatchObject({
      views: 12,
      latent: 256,
      negativeItems: 256,
      negativeViews: 2,
      deletion: 0.1,
    });
    expect(simclr('image')).toMatchObject({ views: 49, latent: 96, negativeItems: 256, negativeViews: 49 });
    expect(simclr('audio')).toMatchObject({
      views: 16,
      latent: 768,
      negativeItems: 64,
      negativeViews: 2,
      noise: 0.1,
      roll: 10,
    });
    expect(featureSpec({ losses: [{ name: 'dino' }] }, 'image').losses[0]).toMatchObject({
      ...{ globals: 2, locals: 10, globalScale: [0.25, 1], localScale: [0.05, 0.25] },
      ...{ latent: 2048, heads: 'independent', teacherTemperature: 0.07, studentTemperature: 0.1 },
    });
  });

  it.each([
    ['text', { name: 'dino' }, 'dino is a loss of images, and this encoder reads text'],
    ['audio', { name: 'deepcluster' }, 'deepcluster is a loss of images, and this encoder reads sound'],
    ['image', { name: 'simclr', deletion: 0.1 }, 'deletion'],
    ['image', { name: 'simclr', views: 48 }, 'has to be a square'],
    ['text', { name: 'ibot' }, 'ibot is a loss of images, and this encoder reads text'],
    ['image', { name: 'ibot', masked: 0 }, 'masked'],
    ['image', { name: 'ibot', augmentation: 'standard' }, 'augmentation'],
    ['image', { name: 'dino', augmentation: 'blur' }, 'augmentation'],
    ['image', { name: 'dino', globalScale: [1, 0.2] }, 'has to be the least and the most'],
    ['text', { name: 'simclr', noise: 0.1 }, 'noise'],
  ] as const)('refuse what a %s has not', (modality, loss, message) => {
    expect(() => featureSpec({ losses: [loss as never] }, modality)).toThrow(message);
  });
});
