/** What an index remembers of its encoder beside the model: the precision it computed in, and the file it took. */
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { loadTextEncoder } from '../../src/encoders/text-encoder.js';
import { loadEngine } from '../../src/selector/load-engine.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { assertSameFeatures, readManifest } from '../../src/store/manifest.js';
import { TINY_BERT } from '../support/edited-model.js';
import { exactInt8 } from '../support/exact-int8.js';
import { writeWideBert } from '../support/wide-bert.js';
import { placeIn, tinyExamples, type Place } from './support.js';

let folder: string;
let place: Place;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-precision-'));
  await writeWideBert(join(folder, 'model'));
  place = placeIn(folder);
});
afterEach(() => rm(folder, { recursive: true }));

const examples = tinyExamples(24);
const features = { losses: [{ name: 'kl' as const }], projection: { kind: 'dense' as const, width: 32 } };
const built = async (name: string, more: Partial<Parameters<typeof FungiSelector.build>[0]>) => {
  await (await FungiSelector.build({ ...place.options(name), examples, features, ...more })).close();
  return readManifest(join(folder, 'indexes', name));
};

const int8Files = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).filter((path) => basename(path).startsWith('int8-'));

describe.skipIf(!(await exactInt8()))('an index in int8', () => {
  it('says so, and is opened in int8 without being told', async () => {
    expect((await built('bank', { precision: 'int8' })).encoder).toMatchObject({ precision: 'int8' });
    await rm(join(folder, 'cache'), { recursive: true });
    expect(await int8Files()).toEqual([]);
    const selector = await FungiSelector.open(place.options('bank'));
    expect(await int8Files()).toHaveLength(2);
    for (const { input } of [examples[3]!, examples[20]!]) {
      const [nearest] = (await selector.select(input)).examples;
      expect(nearest!.input).toBe(input);
      expect(nearest!.distance).toBeLessThan(1e-4);
    }
    await selector.close();
  });

  it('does not compare with features in float32, whichever of the two is asked for', async () => {
    const int8 = await built('int8', { precision: 'int8' });
    const float32 = await built('float32', {});
    expect(float32.encoder).not.toHaveProperty('precision');
    expect(float32.fingerprint).not.toBe(int8.fingerprint);
    for (const [manifest, precision] of [
      [int8, 'model'],
      [float32, 'int8'],
    ] as const) {
      const { engine, encoder } = await loadEngine({ ...place.options('any'), precision });
      await engine.close();
      const asked = { encoder, features: manifest.features };
      expect(() => {
        assertSameFeatures(manifest, asked);
      }).toThrow(
        expect.objectContaining({
          code: 'INDEX_MISMATCH',
          message: expect.stringMatching(/\n {2}encoder\.precision: [^\n]*\n {2}encoder\.recipe: [^\n]*$/) as string,
        }) as Error,
      );
    }
  });
});

describe('an index of one file of a folder', () => {
  it('says which, and is opened with it where the folder has another default', async () => {
    const { encoder, sources } = place.options('bank');
    await mkdir(join(encoder, 'exports'));
    await copyFile(TINY_BERT, join(encoder, 'exports', 'second.onnx'));
    const manifest = await built('bank', { file: 'exports/second.onnx' });
    expect(manifest.encoder).toMatchObject({ file: 'exports/second.onnx' });
    const usual = await loadTextEncoder(encoder, { ...readConfig({}), ...sources });
    expect(usual.modelSha256).not.toBe(manifest.encoder.modelSha256);
    const selector = await FungiSelector.open(place.options('bank'));
    const [nearest] = (await selector.select(examples[5]!.input)).examples;
    expect(nearest!.distance).toBeLessThan(1e-4);
    await selector.close();
    // It may lie elsewhere, or have another name, as long as it is told so.
    await rename(join(encoder, 'exports', 'second.onnx'), join(encoder, 'moved.onnx'));
    await expect(FungiSelector.open(place.options('bank'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await (await FungiSelector.open({ ...place.options('bank'), file: 'moved.onnx' })).close();
    // The name alone does not make features: a copy of the model that has another is the same model.
    expect((await built('plain', {})).encoder).not.toHaveProperty('file');
    const renamed = { ...manifest.encoder, file: 'model.onnx' };
    expect(() => {
      assertSameFeatures(manifest, { encoder: renamed, features: manifest.features });
    }).not.toThrow();
  });
});
