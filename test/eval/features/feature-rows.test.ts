/** Features through files are the extractor's own, whatever was there before, and nothing is made twice. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/core/log.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import type { GradientEngine } from '../../../src/engine/engine.js';
import { BlockFiles } from '../../../src/eval/features/feature-cache.js';
import { FeatureRows, type FeatureRowsOptions } from '../../../src/eval/features/feature-rows.js';
import { parseFeatureSet } from '../../../src/eval/features/feature-sets.js';
import { buildArtefacts } from '../../../src/features/artefacts.js';
import { FeatureExtractor } from '../../../src/features/extractor.js';
import { featureSpec } from '../../../src/features/spec.js';
import { fixture } from '../../support/golden.js';
import { idEncoder } from '../../support/id-encoder.js';
import { tinyPool } from '../../support/tiny-extractor.js';

const [train, test] = [tinyPool.slice(0, 16), tinyPool.slice(14)];
const settings = { projection: { kind: 'nystrom' as const, landmarks: 8 } };
const losses = [{ name: 'kl' as const }, { name: 'simclr' as const, views: 3, negativeItems: 4 }];
const rows = train.map((_, row) => row);
const pools = [
  { seed: 0, shots: null, rows },
  { seed: 1, shots: 2, rows: [1, 4, 9, 10] },
];

let engine: GradientEngine;
let folder: string;
let made = 0;
let encoded: string[] = [];
let watching: GradientEngine;
beforeAll(async () => {
  engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), 'first'));
  folder = await mkdtemp(join(tmpdir(), 'fungi-rows-'));
  watching = new Proxy(engine, {
    get: (target, name) =>
      name === 'encode'
        ? (items: readonly string[]) => {
            encoded.push(...items);
            return target.encode(items);
          }
        : (Reflect.get(target, name) as unknown),
  });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const cacheAt = (name: string) => ({ folder: join(folder, name), encoder: 'tiny' });
const freshCache = () => cacheAt(String(made++));

async function featuresOf(options: Partial<FeatureRowsOptions>, set = 'kl+simclr', pool = 0): Promise<Float32Array[]> {
  encoded = [];
  const found = await FeatureRows.encode(watching, { train, test, losses, pools, settings, ...options });
  try {
    const { pool: own, queries } = found.of(parseFeatureSet(set), pool);
    return [await own.read(0, own.count), await queries.read(0, queries.count)];
  } finally {
    await found.close();
  }
}

/** As an index has them: one extractor, the whole specification at once. */
async function direct(pool: number, more: Parameters<typeof featureSpec>[0] = {}): Promise<Float32Array[]> {
  const { seed, rows: own } = pools[pool]!;
  const spec = featureSpec({ ...settings, losses, seed, ...more });
  const items = own.map((row) => train[row]!);
  const artefacts = await buildArtefacts(engine, spec, items);
  const extractor = await FeatureExtractor.create(engine, spec, artefacts);
  return [(await extractor.extract(items)).rows, (await extractor.extract(test)).rows];
}

/** Some rows of a matrix. */
function votes(matrix: Float32Array, places: readonly number[]): Float32Array {
  const width = matrix.length / rows.length;
  return Float32Array.from(places.flatMap((row) => [...matrix.subarray(row * width, (row + 1) * width)]));
}

function expectClose(found: readonly Float32Array[], expected: readonly Float32Array[]): void {
  found.forEach((part, i) => {
    expect(part.length).toBe(expected[i]!.length);
    const worst = part.reduce((most, value, j) => Math.max(most, Math.abs(value - expected[i]![j]!)), 0);
    expect(worst).toBeLessThan(2e-6);
  });
}

describe('FeatureRows', () => {
  it.each([0, 1])('has the rows that an index of pool %i has', async (pool) => {
    expectClose(await featuresOf({}, 'kl+simclr', pool), await direct(pool));
  });

  it('draws negatives and landmarks from rows that have no vote where a pool says so, and shares them', async () => {
    const few = { ...pools[1]!, seed: 0, unlabelled: rows };
    const both = [few, pools[0]!];
    expectClose(
      await featuresOf({ pools: both }),
      await direct(0).then(([all, queries]) => [votes(all!, few.rows), queries!]),
    );
    const [first] = await featuresOf({ pools: [few] });
    const [own] = await featuresOf({ pools: [{ ...few, unlabelled: few.rows }] });
    expect(own).not.toEqual(first);
    // The same artefacts: the block is made once, and has the rows of both pools.
    expectClose(await featuresOf({ pools: both }, 'kl+simclr', 1), await direct(0));
  });

  it('says which rows of a pool are copies of each other', async () => {
    const own = [tinyPool[0]!, tinyPool[1]!, tinyPool[2]!, tinyPool[1]!, tinyPool[0]!];
    const some = [{ seed: 0, shots: null, rows: [4, 3, 2, 1, 0] }];
    const found = await FeatureRows.encode(watching, { train: own, test: [], losses: [], pools: some, settings });
    expect(found.of(parseFeatureSet('embedding'), 0).copies).toEqual([0, 1, 2, 1, 0]);
    await found.close();
  });

  it('applies weights to blocks that were kept without', async () => {
    const cache = freshCache();
    await featuresOf({ cache });
    const weighted = {
      settings: { ...settings, embeddingWeight: 0.25 },
      losses: [{ ...losses[0]!, weight: 3 }, losses[1]!],
    };
    const found = await featuresOf({ cache, ...weighted });
    expect(encoded).toEqual([]);
    expectClose(found, await direct(0, { ...weighted.settings, losses: weighted.losses }));
  });

  it('makes nothing that is there', async () => {
    const cache = freshCache();
    const first = await featuresOf({ cache });
    expect(encoded.length).toBeGreaterThan(test.length);
    expect(await featuresOf({ cache })).toEqual(first);
    expect(encoded).toEqual([]);
  });

  it('makes the rest of what is there in part: of texts, losses and pools', async () => {
    const cache = freshCache();
    await featuresOf({ cache, losses: [losses[0]!], test: test.slice(0, 3), pools: [pools[1]!] }, 'kl');
    expectClose(await featuresOf({ cache }), await direct(0));
    const more = [...test, [...test[0]!.split(' ')].reverse().join(' ')];
    await featuresOf({ cache, test: more });
    // Besides the landmarks and negatives, which are drawn from the pool again.
    expect(encoded.filter((item) => !train.includes(item)).every((item) => !test.includes(item))).toBe(true);
    expect(encoded).toContain(more.at(-1));
  });

  it('gives other settings other files', async () => {
    const cache = freshCache();
    const [kl] = losses;
    const variants: Partial<FeatureRowsOptions>[] = [
      { losses: [kl!] },
      { losses: [{ name: 'kl', temperature: 2 }] },
      { losses: [kl!], settings: { ...settings, mode: 'reference' } },
      { losses: [kl!], settings: { projection: { kind: 'khatri-rao', width: 8 } } },
      { losses: [kl!], pools: [{ seed: 5, shots: null, rows }] },
      { losses: [kl!], pools: [{ ...pools[0]!, rows: rows.slice(1) }] },
    ];
    const seen = new Set<string>();
    for (const variant of variants) {
      const [found] = await featuresOf({ cache, pools: [pools[0]!], ...variant }, 'only:kl');
      seen.add(Buffer.from(found!.buffer).toString('hex'));
    }
    expect(seen.size).toBe(variants.length);
    const files = async () => (await readdir(cache.folder)).filter((name) => name.endsWith('.blocks'));
    expect(await files()).toHaveLength(1 + variants.length);
    await featuresOf({ cache: { ...cache, encoder: 'another' }, losses: [] }, 'embedding');
    expect(await files()).toHaveLength(2 + variants.length);
  });

  it('reads what is there while another process writes it, and adds to a copy', async () => {
    const cache = freshCache();
    const holder = new BlockFiles(cache);
    await holder.of({ block: 'embedding' });
    const expected = await featuresOf({ losses: [] }, 'embedding');
    expect(await featuresOf({ cache, losses: [] }, 'embedding')).toEqual(expected);
    await holder.close();
    // Nothing was written to what another process held.
    await featuresOf({ cache, losses: [] }, 'embedding');
    expect(encoded.length).toBeGreaterThan(0);
    // What is there can be read while it is held.
    const again = new BlockFiles(cache);
    await again.of({ block: 'embedding' });
    expect(await featuresOf({ cache, losses: [] }, 'embedding')).toEqual(expected);
    expect(encoded).toEqual([]);
    await again.close();
  });

  it('makes its own features where the cache cannot be written, and says so once', async () => {
    const blocked = join(folder, 'a-file');
    await writeFile(blocked, 'no folder');
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => warnings.push(message) };
    const cache = { folder: join(blocked, 'features'), encoder: 'tiny', log };
    expectClose(await featuresOf({ cache }), await direct(0));
    expect(warnings).toEqual([expect.stringContaining('features cannot be kept for the next evaluation')]);
  });

  it('says what features are made with, though all came from the cache', async () => {
    const cache = freshCache();
    await featuresOf({ cache });
    const found = await FeatureRows.encode(engine, { train, test, losses, pools, settings, cache });
    const { spec, artefacts } = await found.frozen(1);
    await found.close();
    expect(spec).toEqual(featureSpec({ ...settings, losses, seed: 1 }));
    const expected = await buildArtefacts(engine, spec, pools[1]!.rows.map((row) => train[row]!)); // prettier-ignore
    expect(artefacts).toEqual(expected);
  });

  it.skipIf(process.platform === 'win32')('leaves no files behind without a cache', async () => {
    // Of this test alone: others put their files into the common folder meanwhile.
    const scratch = await mkdtemp(join(folder, 'tmp-'));
    vi.stubEnv('TMPDIR', scratch);
    const found = await FeatureRows.encode(engine, { train, test, losses, pools, settings });
    // Not even while they are in use: a process that is killed leaves none either.
    expect(await readdir(scratch)).toEqual([]);
    const { queries } = found.of(parseFeatureSet('kl'), 0);
    expect((await queries.read(0, 1)).some((value) => value !== 0)).toBe(true);
    await found.close();
    expect(await readdir(scratch)).toEqual([]);
    vi.unstubAllEnvs();
  });

  describe('of several variants', () => {
    const texts = { train, test, pools };
    const variants = [
      { losses, settings },
      { losses: [{ name: 'simclr' as const, views: 2, negativeItems: 4 }], settings },
      { losses: [{ name: 'kl' as const, temperature: 3 }], settings: { projection: { kind: 'khatri-rao' as const } } },
      { losses: [losses[0]!], settings },
      { losses: [] },
    ];
    const SETS = ['kl+simclr', 'only:simclr', 'kl', 'only:kl', 'embedding'];
    const read = async (found: FeatureRows, set: string, pool: number): Promise<Float32Array[]> => {
      const { pool: own, queries } = found.of(parseFeatureSet(set), pool);
      return [await own.read(0, own.count), await queries.read(0, queries.count)];
    };

    it.each([0, 1])('are those of each variant alone, pool %i', async (pool) => {
      const all = await FeatureRows.encodeAll(watching, texts, variants);
      for (const [i, set] of SETS.entries()) {
        expectClose(await read(all[i]!, set, pool), await featuresOf(variants[i]!, set, pool));
      }
      await all[0]!.close();
    });

    it('come from one pass over the texts', async () => {
      encoded = [];
      const seeds = { projection: { kind: 'khatri-rao' as const, width: 4 } };
      const kl = [1, 2, 3].map((temperature) => ({ losses: [{ name: 'kl' as const, temperature }], settings: seeds }));
      const all = await FeatureRows.encodeAll(watching, texts, kl);
      await all[0]!.close();
      expect([...encoded].sort()).toEqual([...new Set([...train, ...test])].sort());
    });

    it('share the views that they have in common', async () => {
      const simclr = (views: number) => ({ losses: [{ name: 'simclr' as const, views, negativeItems: 4 }], settings: { projection: { kind: 'khatri-rao' as const } } }); // prettier-ignore
      const count = async (...all: number[]): Promise<number> => {
        encoded = [];
        const made = await FeatureRows.encodeAll(watching, { ...texts, pools: [pools[0]!] }, all.map(simclr));
        await made[0]!.close();
        return encoded.length;
      };
      const alone = await count(6);
      // Beside those of six views there are the negatives of the others.
      expect(await count(2, 4, 6)).toBeLessThanOrEqual(alone + 2 * 4 * 2);
    });

    it('fail by themselves, and all together where all do', async () => {
      const broken = { losses: [{ name: 'kl' as const, temperature: 1e-9 }], settings };
      const [good, bad] = await FeatureRows.encodeAll(engine, texts, [{ losses: [losses[0]!], settings }, broken]);
      expect(good!.failure).toBeUndefined();
      expect(bad!.failure).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expectClose(await read(good!, 'kl', 0), await featuresOf({ losses: [losses[0]!] }, 'kl'));
      await good!.close();
      await expect(FeatureRows.encodeAll(engine, texts, [broken, broken])).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      await expect(FeatureRows.encode(engine, { ...texts, ...broken })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  it('finds the embedding of another encoder, where its key is given', async () => {
    const cache = freshCache();
    const found = await featuresOf({ cache, losses: [] }, 'embedding');
    const other = { ...cache, encoder: 'another layer', embedding: cache.encoder };
    expect(await featuresOf({ cache: other, losses: [] }, 'embedding')).toEqual(found);
    expect(encoded).toEqual([]);
    await featuresOf({ cache: other, losses: [losses[0]!] }, 'kl');
    expect(encoded).not.toEqual([]);
  });
});

it('makes a pool that is asked for twice once', async () => {
  const cache = freshCache();
  const twice = [pools[0]!, { ...pools[0]!, shots: 99 }];
  const [first] = await featuresOf({ cache, pools: twice }, 'only:kl', 0);
  expect((await readdir(cache.folder)).filter((name) => name.endsWith('.blocks'))).toHaveLength(1 + losses.length);
  const [second] = await featuresOf({ cache, pools: twice }, 'only:kl', 1);
  expect(second).toEqual(first);
});

it('keeps the same embedding, whichever loss ran first', async () => {
  const [alone, beside] = [freshCache(), freshCache()];
  const plain = await featuresOf({ cache: alone, losses: [] }, 'embedding');
  expect(await featuresOf({ cache: beside }, 'embedding')).toEqual(plain);
});

it('refuses texts that are none before it looks anything up', async () => {
  await expect(featuresOf({ test: ['5 6', '\ud800'] })).rejects.toMatchObject({
    code: 'INVALID_TEXT',
    message: expect.stringContaining('test row 1') as string,
  });
});
