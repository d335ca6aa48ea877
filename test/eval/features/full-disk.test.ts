/** A disk that fills up while features are written: the run says what and where, and the same one goes on from there. */
import fc from 'fast-check';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEngine } from '../../../src/engine/create-engine.js';
import type { GradientEngine } from '../../../src/engine/engine.js';
import { FeatureRows } from '../../../src/eval/features/feature-rows.js';
import { parseFeatureSet } from '../../../src/eval/features/feature-sets.js';
import { fixture } from '../../support/golden.js';
import { idEncoder } from '../../support/id-encoder.js';
import { tinyPool } from '../../support/tiny-extractor.js';

/** Bytes that files of blocks may still take. */
const disk = vi.hoisted(() => ({ room: Infinity }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const full = (): Error => Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });
  return {
    ...real,
    // As a disk does it: what still fits is written, and the next call refused.
    open: async (path: string, flags?: string) => {
      const file = await real.open(path, flags);
      if (!/blocks$/.test(path)) return file;
      const write = file.write.bind(file) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
      file.write = (async (bytes: Buffer, at: number, length: number, position: number) => {
        const fits = Math.min(length, disk.room);
        if (fits === 0) throw full();
        disk.room -= fits;
        return write(bytes, at, fits, position);
      }) as unknown as typeof file.write;
      return file;
    },
  };
});

const [train, test] = [tinyPool.slice(0, 16), tinyPool.slice(14)];
const pools = [{ seed: 3, shots: null, rows: train.map((_, row) => row) }];
const options = { train, test, pools, losses: [{ name: 'kl' as const }], settings: { projection: { kind: 'khatri-rao' as const, width: 8 } } }; // prettier-ignore

let folder: string;
let engine: GradientEngine;
beforeAll(async () => {
  engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), 'first'));
  folder = await mkdtemp(join(tmpdir(), 'fungi-full-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

let made = 0;
const freshCache = () => ({ folder: join(folder, `${made++}`, 'features'), encoder: 'tiny' });

async function featuresOf(cache: ReturnType<typeof freshCache> | undefined, room: number): Promise<Float32Array> {
  disk.room = room;
  try {
    const rows = await FeatureRows.encode(engine, { ...options, cache });
    try {
      const { pool } = rows.of(parseFeatureSet('kl'), 0);
      return await pool.read(0, pool.count);
    } finally {
      await rows.close();
    }
  } finally {
    disk.room = Infinity;
  }
}

describe('a disk that is full', () => {
  it('ends the run with the folder, what was written, and that the same command goes on', async () => {
    const cache = freshCache();
    const failed = featuresOf(cache, 200);
    await expect(failed).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: `kl gradients (seed 3) of 22 texts cannot be written to the feature cache ${cache.folder}: the disk is full (ENOSPC)`,
      hint: expect.stringContaining('the same command goes on from here') as string,
      details: { folder: cache.folder, code: 'ENOSPC' },
    });
  });

  it('leaves what the same command goes on from, wherever it was full', async () => {
    const cache = freshCache();
    const expected = await featuresOf(cache, Infinity);
    let total = 0;
    for (const file of await readdir(cache.folder)) total += file.endsWith('.blocks') ? (await stat(join(cache.folder, file))).size : 0; // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: total - 1 }), async (room) => {
        const own = freshCache();
        await expect(featuresOf(own, room)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
        expect(await featuresOf(own, total)).toEqual(expected);
      }),
      { numRuns: 12, examples: [[0], [31], [32], [total - 1]] },
    );
  });

  it('makes no record again that was written whole', async () => {
    const cache = freshCache();
    await featuresOf(cache, Infinity);
    const sizes = await Promise.all((await readdir(cache.folder)).filter((name) => name.endsWith('.blocks')).map(async (name) => (await stat(join(cache.folder, name))).size)); // prettier-ignore
    const again = freshCache();
    // All but the last record of the gradients: they are written first.
    const gradients = 32 + 22 * (32 + 4 * 8);
    expect(sizes).toContain(gradients);
    await expect(featuresOf(again, gradients - 1)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    const encode = vi.spyOn(engine, 'encode');
    const left = sizes.reduce((sum, size) => sum + size, 0) - gradients;
    await featuresOf(again, left + 64); // one record of gradients, and the embeddings
    expect(encode).toHaveBeenCalled();
    encode.mockRestore();
  });

  it('says where there is no cache that nothing is kept', async () => {
    await expect(featuresOf(undefined, 100)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: `kl gradients (seed 3) of 22 texts cannot be written to ${tmpdir()}: the disk is full (ENOSPC)`,
      hint: expect.stringContaining('TMPDIR') as string,
    });
  });
});
