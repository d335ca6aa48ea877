import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Json } from '../../src/core/fingerprint.js';
import type { Encoder } from '../../src/encoders/encoder.js';
import { loadTextEncoder } from '../../src/encoders/text-encoder.js';
import { readConfig } from '../../src/core/config.js';
import { Session } from '../../src/runtime/session.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { LanceStore } from '../../src/store/lance.js';
import { featureFingerprint, readManifest, writeManifest } from '../../src/store/manifest.js';
import { fixture } from '../support/golden.js';
import { idEncoder } from '../support/id-encoder.js';
import { inPlace, tinyExamples, type Place } from './support.js';

/** Two indexes that differ in rows, artefacts and dimensions. */
async function twoIndexes(place: Place): Promise<(name: string) => string> {
  for (const [name, count, seed] of [
    ['bank', 40, 1],
    ['spare', 30, 2],
  ] as const) {
    const options = { ...place.options(name), examples: tinyExamples(count), dims: count / 10, features: { seed } };
    await (await FungiSelector.build(options)).close();
  }
  return (name) => join(place.folder, 'indexes', name);
}

/** An encoder during whose loading `act` is done: `openIndex` has read the manifest by then, and loaded no part of the index. */
async function encoderThat(place: Place, act: () => void): Promise<Encoder> {
  const { encoder, sources } = place.options('bank');
  const real = await loadTextEncoder(encoder, { ...readConfig(), ...sources });
  return Object.create(real, {
    // Read once a load, when the model is there.
    maxTokens: {
      get: () => {
        act();
        return real.maxTokens;
      },
    },
  }) as Encoder;
}

describe('opening an index', () => {
  it('gives the new index, whole, when it is replaced meanwhile', () =>
    inPlace(async (place) => {
      const at = await twoIndexes(place);
      const spare = await readManifest(at('spare'));
      let swaps = 0;
      const encoder = await encoderThat(place, () => {
        if (swaps++ > 0) return;
        renameSync(at('bank'), at('old'));
        renameSync(at('spare'), at('bank'));
      });
      const opened = await FungiSelector.open({ ...place.options('bank'), encoder });
      expect(swaps).toBe(2);
      expect(opened.manifest).toEqual(spare);
      expect(opened.size).toBe(30);
      const own = tinyExamples(30)[7]!;
      const [nearest] = (await opened.select(own.input)).examples;
      expect(nearest!.input).toBe(own.input);
      expect(nearest!.distance).toBeLessThan(1e-4);
      await opened.close();
    }));

  it('gives up when it is replaced each time, or removed', () =>
    inPlace(async (place) => {
      const at = await twoIndexes(place);
      const swapping = await encoderThat(place, () => {
        renameSync(at('bank'), at('old'));
        renameSync(at('spare'), at('bank'));
        renameSync(at('old'), at('spare'));
      });
      const opening = FungiSelector.open({ ...place.options('bank'), encoder: swapping });
      await expect(opening).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      await expect(opening).rejects.toThrow('replaced 3 times');
      const removing = await encoderThat(place, () => {
        rmSync(at('bank'), { recursive: true, force: true });
      });
      await expect(FungiSelector.open({ ...place.options('bank'), encoder: removing })).rejects.toMatchObject({
        code: 'INDEX_NOT_FOUND',
      });
    }));

  it('takes no part of a generation that comes and goes while the model is loaded', () =>
    inPlace(async (place) => {
      const at = await twoIndexes(place);
      const swap = (): void => {
        renameSync(at('bank'), at('old'));
        renameSync(at('spare'), at('bank'));
        renameSync(at('old'), at('spare'));
      };
      let swaps = 0;
      const encoder = await encoderThat(place, () => {
        if (swaps++ === 0) swap();
      });
      const open = Reflect.get(LanceStore, 'open');
      vi.spyOn(LanceStore, 'open').mockImplementation((folder) => {
        if (swaps === 1) swap();
        return open.call(LanceStore, folder);
      });
      const opened = await FungiSelector.open({ ...place.options('bank'), encoder });
      vi.restoreAllMocks();
      const own = tinyExamples(30)[7]!;
      const [nearest] = (await opened.select(own.input)).examples;
      expect(nearest!.input).toBe(own.input);
      expect(nearest!.distance).toBeLessThan(1e-4);
      expect(opened.manifest).toEqual(await readManifest(at('bank')));
      await opened.close();
    }));

  it('knows another model by its digest, before it is taken apart', () =>
    inPlace(async (place) => {
      await (await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(9) })).close();
      const other = { ...idEncoder(fixture('families/t5/plain.onnx'), 'first'), modelSha256: 'f'.repeat(64) };
      const sessions = vi.spyOn(Session, 'load');
      const opening = FungiSelector.open({ ...place.options('bank'), encoder: other });
      await expect(opening).rejects.toMatchObject({
        code: 'INDEX_MISMATCH',
        message: expect.stringContaining('encoder.modelSha256') as string,
        hint: expect.stringContaining('another model file') as string,
      });
      expect(sessions).not.toHaveBeenCalled();
      sessions.mockRestore();
    }));

  it('refuses a folder that was restored from two copies', () =>
    inPlace(async (place) => {
      const at = await twoIndexes(place);
      for (const part of ['examples.lance', 'seal.json', 'store-id']) {
        rmSync(join(at('bank'), part), { recursive: true });
        cpSync(join(at('spare'), part), join(at('bank'), part), { recursive: true });
      }
      const opening = FungiSelector.open(place.options('bank'));
      await expect(opening).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      await expect(opening).rejects.toThrow('of two indexes');
    }));

  it.each<[string, (features: Record<string, Json>) => object, RegExp]>([
    [
      'a loss',
      (features) => ({ features: { ...features, losses: [{ name: 'dino', weight: 1 }] } }),
      /features\.losses\.0/,
    ],
    ['a pooling', () => ({ encoder: { pooling: 'last' } }), /encoder\.pooling: "last"/],
  ])('names %s that this version does not know', (_, change, says) =>
    inPlace(async (place) => {
      await (await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(9) })).close();
      const folder = join(place.folder, 'indexes', 'bank');
      const manifest = await readManifest(folder);
      const changed = change(manifest.features as Record<string, Json>) as Partial<typeof manifest>;
      const features = changed.features ?? manifest.features;
      const encoder = { ...manifest.encoder, ...changed.encoder };
      const fingerprint = featureFingerprint({ encoder, features });
      await writeManifest(folder, { ...manifest, encoder, features, fingerprint });
      const opening = FungiSelector.open(place.options('bank'));
      await expect(opening).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      await expect(opening).rejects.toThrow(says);
    }),
  );
});
