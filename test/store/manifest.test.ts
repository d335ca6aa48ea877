import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { fingerprint, sha256, type Json } from '../../src/core/fingerprint.js';
import { Rng } from '../../src/core/rng.js';
import {
  assertOwnStore,
  assertSameFeatures,
  featureFingerprint,
  readManifest,
  verifyArtefacts,
  writeManifest,
  type FeatureSpec,
  type Manifest,
} from '../../src/store/manifest.js';
import { DIMS, inFolder, manifestOf, SPEC } from './support.js';

const FILE = 'manifest.json';

/** @param rest width of the PCA beside one direction between labels */
const blendOf = (rest: number): Manifest['reducer'] => ({
  ...{ kind: 'blend', dims: DIMS, limit: DIMS, supervised: 1 },
  unsupervised: { first: 0, dims: rest, explained: 0.5, centredOnly: false },
  shares: { selection: 0.5, vote: 1 },
  shrinkage: { value: 0.4, chosen: 'auto', scores: [{ shrinkage: 0.4, accuracy: 0.75 }] },
});

/** Writes the manifest as somebody would who knows how its checksum is made. */
async function forge(folder: string, changes: Readonly<Record<string, Json>>): Promise<void> {
  const value = { ...manifestOf('bank', 3), ...changes } as Record<string, Json>;
  await writeFile(join(folder, FILE), JSON.stringify({ ...value, checksum: fingerprint(value) }));
}

describe('the manifest', () => {
  it('comes back as it was written, in place of an older one', () =>
    inFolder(async (folder) => {
      await writeManifest(folder, manifestOf('bank', 1));
      const manifest = manifestOf('bank', 3, { labels: ['z', 'a', 'é\u{1F344}'], metric: 'cosine' });
      await writeManifest(folder, manifest);
      expect(await readManifest(folder)).toEqual(manifest);
      expect(await readdir(folder)).toEqual([FILE]);
    }));

  it.each<Manifest['reducer']>([
    { kind: 'pca', dims: DIMS, explained: null, centredOnly: true, instead: { of: 'lda', why: 'one label' } },
    { kind: 'lda', dims: DIMS, limit: 512, shrinkage: { value: 0.1, chosen: 'given', scores: [] } },
    blendOf(DIMS - 1),
    { kind: 'none', dims: DIMS },
  ])('has a reducer: %j', (reducer) =>
    inFolder(async (folder) => {
      const manifest = manifestOf('bank', 3, { reducer });
      await writeManifest(folder, manifest);
      expect(await readManifest(folder)).toEqual(manifest);
    }),
  );

  it('has a blend as wide as its parts', () =>
    inFolder(async (folder) => {
      const writing = writeManifest(folder, manifestOf('bank', 3, { reducer: blendOf(DIMS) }));
      await expect(writing).rejects.toThrow('reducer.dims is not that of its parts');
    }));

  it('is not replaced by one that does not fit', () =>
    inFolder(async (folder) => {
      await writeManifest(folder, manifestOf('bank', 1));
      const bad = [{ rows: -1 }, { dims: 3 }, { fingerprint: 'f'.repeat(64) }, { extra: 1 }, { createdAt: 'today' }];
      for (const change of [...bad, { artefacts: [{ file: '../x', sha256: 'a'.repeat(64) }] }]) {
        await expect(writeManifest(folder, { ...manifestOf('bank', 2), ...change })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
        });
      }
      expect((await readManifest(folder)).rows).toBe(1);
    }));

  it('is refused when missing, cut, or changed by a single bit', () =>
    inFolder(async (folder) => {
      await expect(readManifest(folder)).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      const manifest = manifestOf('bank', 3);
      await writeManifest(folder, manifest);
      const bytes = await readFile(join(folder, FILE));
      const rng = Rng.stream('manifest damage');
      for (let i = 0; i < 150; i++) {
        const damaged = Buffer.from(bytes);
        const at = rng.int(bytes.length);
        damaged[at] = damaged[at]! ^ (1 << rng.int(8));
        await writeFile(join(folder, FILE), i % 5 === 0 ? bytes.subarray(0, at) : damaged);
        const error = await readManifest(folder).then(
          (found) => {
            expect(found).toEqual(manifest);
            return undefined;
          },
          (error: unknown) => error,
        );
        if (error !== undefined)
          expect(FungiError.is(error, 'INDEX_CORRUPT') || FungiError.is(error, 'INDEX_MISMATCH')).toBe(true);
      }
      for (const text of ['', 'null', '[]', '3', '{}']) {
        await writeFile(join(folder, FILE), text);
        await expect(readManifest(folder)).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      }
    }));

  it('says so when a newer version wrote it', () =>
    inFolder(async (folder) => {
      await forge(folder, { schemaVersion: 3, anythingNew: true });
      await expect(readManifest(folder)).rejects.toMatchObject({
        code: 'INDEX_MISMATCH',
        message: expect.stringContaining('format 3') as string,
        hint: expect.stringContaining('Update fungi-icl') as string,
      });
    }));

  it('is refused when its parts contradict each other', () =>
    inFolder(async (folder) => {
      await forge(folder, {});
      expect((await readManifest(folder)).rows).toBe(3);
      for (const change of [{ dims: 5 }, { features: { mode: 'reference' } }, { rows: '3' }, { schemaVersion: 0 }]) {
        await forge(folder, change);
        await expect(readManifest(folder)).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      }
    }));

  it('names its table, and no other', () => {
    const manifest = manifestOf('bank', 3);
    const { dims } = manifest;
    assertOwnStore(manifest, { id: 'store', dims });
    for (const store of [
      { id: 'other', dims },
      { id: 'store', dims: dims + 1 },
    ]) {
      expect(() => {
        assertOwnStore(manifest, store);
      }).toThrow(expect.objectContaining({ code: 'INDEX_CORRUPT' }));
    }
  });

  it('vouches for its artefacts', () =>
    inFolder(async (folder) => {
      const artefacts = [{ file: 'heads.safetensors', sha256: sha256('weights') }];
      const manifest = manifestOf('bank', 3, { artefacts });
      const path = join(folder, 'heads.safetensors');
      await writeFile(path, 'weights');
      await verifyArtefacts(folder, manifest);
      await writeFile(path, 'weighty');
      await expect(verifyArtefacts(folder, manifest)).rejects.toThrow(/heads\.safetensors is damaged/);
      await rm(path);
      await expect(verifyArtefacts(folder, manifest)).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      await mkdir(path);
      await expect(verifyArtefacts(folder, manifest)).rejects.toThrow();
    }));
});

describe('features of an index', () => {
  const manifest = manifestOf('bank', 3);
  const withEncoder = (change: object): FeatureSpec => ({ ...SPEC, encoder: { ...SPEC.encoder, ...change } });

  it('are the same wherever the model lies, and in whatever order the settings are written', () => {
    assertSameFeatures(manifest, withEncoder({ id: '/somewhere/else' }));
    const reordered = Object.fromEntries(Object.entries(SPEC.features).reverse());
    assertSameFeatures(manifest, { encoder: SPEC.encoder, features: reordered });
    expect(featureFingerprint(withEncoder({ id: 'x' }))).toBe(featureFingerprint(SPEC));
  });

  it.each<[string, FeatureSpec]>([
    ['encoder.modelSha256', withEncoder({ modelSha256: 'c'.repeat(64) })],
    ['encoder.pooling', withEncoder({ pooling: 'mean' })],
    ['encoder.prefix', withEncoder({ prefix: 'query: ' })],
    ['features.seed', { ...SPEC, features: { ...SPEC.features, seed: 8 } }],
    [
      'features.losses.1.views',
      {
        ...SPEC,
        features: { ...SPEC.features, losses: [SPEC.features.losses[0]!, { ...SPEC.features.losses[1]!, views: 3 }] },
      },
    ],
    ['features.losses.1', { ...SPEC, features: { ...SPEC.features, losses: [SPEC.features.losses[0]!] } }],
  ])('differ in %s', (field, wanted) => {
    const error = (() => {
      try {
        assertSameFeatures(manifest, wanted);
      } catch (caught) {
        return caught as FungiError;
      }
      throw new Error('no error');
    })();
    expect(error).toMatchObject({ code: 'INDEX_MISMATCH', details: { index: manifest.fingerprint } });
    const { differences } = error.details as { differences: { field: string }[] };
    expect(differences.map((one) => one.field)).toEqual([field]);
    expect(error.message).toContain(`${field}: `);
    expect(error.message).toContain(manifest.fingerprint);
    expect(error.message).toContain(featureFingerprint(wanted));
  });

  it('shows both values of each difference', () => {
    const wanted = { ...withEncoder({ pooling: 'mean' }), features: { ...SPEC.features, seed: 8 } };
    expect(() => {
      assertSameFeatures(manifest, wanted);
    }).toThrow(
      /encoder\.pooling: "first" in the index, "mean" asked for\n {2}features\.seed: 7 in the index, 8 asked for/,
    );
  });
});
