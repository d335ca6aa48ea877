/** Hundreds of pools are no hundreds of open files. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileLock } from '../../../src/core/file-lock.js';
import { BlockFiles } from '../../../src/eval/features/feature-cache.js';

const POOLS = 200;
/** The one at hand, its folder, and what the runtime may do meanwhile. */
const BOUND = 8;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-open-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

describe.runIf(process.platform === 'linux')('open files', () => {
  it.each([true, false])('stay few, however many pools there are (cache: %s)', async (cached) => {
    const before = await open();
    let most = 0;
    const look = async (): Promise<void> => {
      most = Math.max(most, (await open()) - before);
    };
    const files = new BlockFiles(cached ? { folder: join(folder, 'features'), encoder: 'tiny' } : undefined);
    for (let seed = 0; seed < POOLS; seed++) {
      await files.of({ block: 'kl', spec: { seed } });
      await look();
    }
    const out = new Float32Array(2);
    for (let seed = 0; seed < POOLS; seed++) {
      const file = await files.of({ block: 'kl', spec: { seed } });
      await file.append(['a', 'b'], Float32Array.of(seed, 1, 2, seed), [false, true]);
      await look();
    }
    for (let seed = 0; seed < POOLS; seed++) {
      const file = await files.of({ block: 'kl', spec: { seed } });
      const reading = file.read(['b'], out, 0, 2);
      await look();
      await reading;
      expect([...out]).toEqual([2, seed]);
      expect([file.isTruncated('a'), file.isTruncated('b')]).toEqual([false, true]);
    }
    await files.close();
    await look();
    expect(most).toBeLessThanOrEqual(BOUND);
    expect(await open()).toBeLessThanOrEqual(before + BOUND);
  });

  it('are none of a lock that is held', async () => {
    const before = await open();
    const locks = [];
    for (let i = 0; i < 50; i++) locks.push(await FileLock.acquire(join(folder, `${i}.lock`), 'it'));
    expect(await open()).toBeLessThanOrEqual(before + BOUND);
    for (const lock of locks) await lock.release();
  });
});
