/** Gradients of patches: the same by both engines, alone and in company, and none of a class token. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/core/config.js';
import { Rng } from '../../../src/core/rng.js';
import { loadEncoder } from '../../../src/encoders/load-encoder.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import type { Factors, GradientEngine, Program } from '../../../src/engine/engine.js';
import { joined, patchEmbedding, type PatchFeatures } from '../../../src/eval/segment/patch-features.js';
import { patchGradients } from '../../../src/eval/segment/patch-gradients.js';
import { patchSimclrFeatures } from '../../../src/eval/segment/patch-simclr-features.js';
import { PictureTokens } from '../../../src/eval/segment/picture-tokens.js';
import type { Scene } from '../../../src/eval/segment/scenes.js';
import { segmentScenes } from '../../../src/eval/segment/segment-scenes.js';
import { SupportBank } from '../../../src/eval/segment/support-bank.js';
import { termOf } from '../../../src/features/term-projection.js';
import { relativeError } from '../../support/golden.js';
import { TinyImages } from '../../support/tiny-images.js';

const TILES = 2;
const CLASSES = { count: 2, ignore: 255 };
let images: TinyImages;
let scenes: Scene[];
const engines: GradientEngine[] = [];
let tokens: PictureTokens;

beforeAll(async () => {
  images = await TinyImages.create('dinov2');
  scenes = [];
  await mkdir(join(images.folder, 'labels'));
  for (let i = 0; i < 6; i++) {
    const image = await images.picture(i);
    const { width, height } = await sharp(image).metadata();
    const data = Uint8Array.from({ length: width * height }, (_, at) => (at % width < width / 2 ? 0 : 1));
    const labels = join(images.folder, 'labels', `${i}.png`);
    await sharp(data, { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(labels);
    scenes.push({ name: String(i), image, labels });
  }
  tokens = await load('onnx');
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await images.remove();
});

async function load(engine: 'onnx' | 'tfjs'): Promise<PictureTokens> {
  const options = { ...readConfig({}), cacheDir: images.folder, offline: true, pooling: 'mean' as const };
  const loaded = await createEngine(await loadEncoder(images.model, options), { engine, threads: 1 });
  engines.push(loaded);
  return PictureTokens.create(loaded, TILES);
}

const settings = () => ({ train: scenes, classes: CLASSES, bank: 60, seed: 0 });
const bankOf = (dims: number): Promise<SupportBank> =>
  SupportBank.create({ rows: Rng.stream(1, 'bank').uniform(40 * dims, 1), pictures: Array<string>(40).fill('') }, dims);

/** Of each of some scenes, encoded together. */
async function gradientsOf(of: PictureTokens, some: readonly Scene[], seed = 0): Promise<Factors[]> {
  const support = await bankOf(of.engine.info.dims);
  const gradients = await patchGradients(of, support, { seed, mode: 'paper' });
  const encoded = await of.encode(some);
  const found: Factors[] = [];
  for (const picture of some.keys()) found.push(await gradients(encoded, picture));
  return found;
}

async function rowsOf(features: PatchFeatures, some: readonly Scene[]): Promise<Float32Array> {
  return features.of(await tokens.encode(some));
}

describe('gradients of patches', () => {
  it('are those that TensorFlow.js derives', async () => {
    const [ours, theirs] = [await gradientsOf(tokens, scenes), await gradientsOf(await load('tfjs'), scenes)];
    ours.forEach(({ delta, x, terms }, i) => {
      expect(terms).toBe(16);
      expect(relativeError(delta, theirs[i]!.delta)).toBeLessThan(1e-4);
      expect(relativeError(x, theirs[i]!.x)).toBeLessThan(1e-5);
    });
  });

  it('are the rows of the patches, row by row over the picture, and of no class token', async () => {
    let all: Factors | undefined;
    const spy: GradientEngine = Object.create(tokens.engine) as GradientEngine;
    spy.program = async (...spec): Promise<Program> => {
      const program = await tokens.engine.program(...spec);
      return {
        run: async (...run) => {
          const result = await program.run(...run);
          all = result.factors[0] ?? all;
          return result;
        },
      };
    };
    const [, kept] = (await gradientsOf(PictureTokens.create(spy, TILES), scenes.slice(0, 2))) as [Factors, Factors];
    expect([all!.terms, kept.terms]).toEqual([20, 16]);
    // 2 × 2 tiles of a class token and 2 × 2 patches.
    const places = [1, 2, 6, 7, 3, 4, 8, 9, 11, 12, 16, 17, 13, 14, 18, 19];
    places.forEach((place, patch) => {
      const [own, whole] = [termOf(kept, patch), termOf(all!, place)];
      expect([own.delta, own.x]).toEqual([whole.delta, whole.x]);
    });
  });

  it('depend on the picture alone, not on those beside it, their order or number', async () => {
    const together = await gradientsOf(tokens, scenes);
    const reversed = (await gradientsOf(tokens, scenes.toReversed())).toReversed();
    for (const [i, scene] of scenes.entries()) {
      const [alone] = await gradientsOf(tokens, [scene]);
      for (const other of [together[i]!, reversed[i]!]) {
        expect(relativeError(other.delta, alone!.delta)).toBeLessThan(1e-4);
        expect(relativeError(other.x, alone!.x)).toBeLessThan(1e-5);
      }
    }
  });

  it('depend on the seed, whose head and dropped neighbours they are of', async () => {
    const [one, again, other] = await Promise.all([0, 0, 1].map((seed) => gradientsOf(tokens, scenes, seed)));
    expect(again![0]!.delta).toEqual(one![0]!.delta);
    expect(relativeError(other![0]!.delta, one![0]!.delta)).toBeGreaterThan(0.1);
  });
});

describe('features of patches', () => {
  it.each(['nystrom', 'khatri-rao', 'dense'] as const)(
    'have unit length, whatever projects them (%s)',
    async (projection) => {
      const features = await patchSimclrFeatures(tokens, { ...settings(), projection });
      const { dims } = tokens.engine.info;
      expect(features.dims).toBeLessThanOrEqual(dims);
      if (projection !== 'nystrom') expect(features.dims).toBe(dims);
      const both = joined([features, await patchEmbedding(tokens.engine)]);
      expect(both.dims).toBe(features.dims + dims);
      for (const each of [features, both]) {
        const rows = await rowsOf(each, scenes.slice(0, 2));
        expect(rows).toHaveLength(2 * 16 * each.dims);
        for (let row = 0; row < 32; row++)
          expect(Math.hypot(...rows.subarray(row * each.dims, (row + 1) * each.dims))).toBeCloseTo(1, 5);
      }
      // Each block has the same length.
      const [row] = [(await rowsOf(both, scenes)).subarray(0, features.dims)];
      expect(Math.hypot(...row)).toBeCloseTo(Math.SQRT1_2, 5);
    },
  );

  it('are the same of a picture in and out of the bank, and in any window', async () => {
    const features = await patchSimclrFeatures(tokens, settings());
    const all = await rowsOf(features, scenes);
    const alone = await rowsOf(features, scenes.slice(3, 4));
    const width = 16 * features.dims;
    expect(relativeError(alone, all.subarray(3 * width, 4 * width))).toBeLessThan(1e-4);
    expect(await rowsOf(await patchSimclrFeatures(tokens, settings()), scenes)).toEqual(all);
  });

  it('differ in the two modes, by seed, and of augmented training pictures', async () => {
    const of = async (changes: object): Promise<Float32Array> =>
      rowsOf(await patchSimclrFeatures(tokens, { ...settings(), projection: 'khatri-rao', ...changes }), scenes);
    const plain = await of({});
    for (const changes of [{ mode: 'reference' }, { seed: 1 }, { augmentationEpochs: 2 }])
      expect(relativeError(await of(changes), plain)).toBeGreaterThan(0.01);
  });

  it('need two training pictures', async () => {
    await expect(patchSimclrFeatures(tokens, { ...settings(), train: scenes.slice(0, 1) })).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: 'per-patch SimCLR contrasts a picture with others, and there are none',
    });
  });
});

describe('segmentation', () => {
  it('encodes pictures once for all plans, and augmented ones once for each seed', async () => {
    let encoded = 0;
    const counting: GradientEngine = Object.create(tokens.engine) as GradientEngine;
    counting.encode = (views, onProgress) => {
      encoded += views.length / TILES ** 2;
      return tokens.engine.encode(views, onProgress);
    };
    const own = PictureTokens.create(counting, TILES);
    const features = await patchEmbedding(counting);
    const plans = [0, 1].flatMap((seed) => ['a', 'b'].map((name) => ({ name, seed, features })));
    const [train, test] = [scenes.slice(0, 4), scenes.slice(4)];
    const task = { train, test, classes: CLASSES, bank: 64 };
    const runs = await segmentScenes(own, plans, task);
    expect(encoded).toBe(4 + 2);
    expect(runs.map(({ patches, pictures }) => [patches, pictures.length])).toEqual(Array(4).fill([64, 2]));
    encoded = 0;
    const copies = await segmentScenes(own, plans, { ...task, augmentationEpochs: 2 });
    expect(encoded).toBe(2 * 2 * 4 + 2);
    expect(copies.map(({ patches }) => patches)).toEqual([64, 64, 64, 64]);
    await expect(segmentScenes(own, plans, { ...task, augmentationEpochs: 17 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'a bank of 64 patches is less than one of each of 17 copies of 4 pictures',
    });
  });
});
