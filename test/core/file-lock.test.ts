import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FileLock } from '../../src/core/file-lock.js';
import { inFolder } from '../store/support.js';

const holder = (rest: object): string =>
  JSON.stringify({ token: 't', pid: process.pid, host: hostname(), started: null, since: 'yesterday', ...rest });

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  return child.pid!;
}

/** Takes the lock when `content` is what another process left in its file. */
const takeOver = (content: string): Promise<void> =>
  inFolder(async (folder) => {
    const path = join(folder, 'lock');
    await writeFile(path, content);
    const lock = await FileLock.acquire(path, 'it', { waitMs: 0 });
    await lock.assertHeld();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

describe('FileLock', () => {
  it('is held by one at a time, and waits for its release', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      const lock = await FileLock.acquire(path, 'index "bank"');
      const refused = FileLock.acquire(path, 'index "bank"', { waitMs: 50 });
      await expect(refused).rejects.toMatchObject({ code: 'INDEX_LOCKED', retryable: true });
      await expect(refused).rejects.toThrow(`index "bank" is being written by process ${process.pid}`);
      const waiting = FileLock.acquire(path, 'index "bank"', { waitMs: 5000 });
      await sleep(30);
      await lock.release();
      await (await waiting).release();
      expect(await readdir(folder)).toEqual([]);
    }));

  it('takes over the lock of a dead process', async () => {
    await takeOver(holder({ pid: await deadPid() }));
  });

  it.runIf(process.platform === 'linux')('takes over the lock of a process whose pid is another’s by now', async () => {
    await takeOver(holder({ started: '1' }));
  });

  it.each(['', '{', 'null', '{"pid": 3}', '{"token":"t","pid":-1,"host":"h","started":null,"since":""}'])(
    'takes over the damaged lock %j',
    (content) => takeOver(content),
  );

  it('does not judge another machine', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      await writeFile(path, holder({ pid: await deadPid(), host: 'elsewhere' }));
      const refused = FileLock.acquire(path, 'it', { waitMs: 0 });
      await expect(refused).rejects.toMatchObject({
        code: 'INDEX_LOCKED',
        hint: expect.stringContaining(`delete ${path}`) as string,
      });
    }));

  it('lets one in when many find a dead lock', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      await writeFile(path, holder({ pid: await deadPid() }));
      let inside = 0;
      let most = 0;
      await Promise.all(
        Array.from({ length: 12 }, async () => {
          const lock = await FileLock.acquire(path, 'it', { waitMs: 20_000 });
          most = Math.max(most, ++inside);
          await sleep(2);
          await lock.assertHeld();
          inside--;
          await lock.release();
        }),
      );
      expect(most).toBe(1);
      expect(await readdir(folder)).toEqual([]);
    }));

  it('notices that it was taken away, and then leaves the other’s alone', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      const lock = await FileLock.acquire(path, 'it');
      await writeFile(path, holder({ token: 'other' }));
      await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'INDEX_LOCKED' });
      await lock.release();
      expect(await readFile(path, 'utf8')).toContain('other');
    }));
});
