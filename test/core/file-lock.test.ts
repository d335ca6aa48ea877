import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { FileLock } from '../../src/core/file-lock.js';
import { ownIdentity } from '../../src/core/process-identity.js';
import { inFolder } from '../store/support.js';

const holder = (rest: object): string =>
  JSON.stringify({ ...ownIdentity(), token: 't', started: null, since: 'yesterday', ...rest });

/** Sets a file's last touch back. */
async function age(path: string, seconds: number): Promise<void> {
  const then = new Date(Date.now() - seconds * 1000);
  await utimes(path, then, then);
}

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

  it.each([
    ['another machine', { host: 'elsewhere' }],
    ['a machine of the same name', { boot: 'another' }],
    ['a container of the same name', { pidNamespace: 'pid:[1]' }],
  ])('does not judge a process of %s by its pid, but by its last write', (_, where) =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      const content = holder({ pid: await deadPid(), ...where });
      await writeFile(path, content);
      await age(path, 60);
      const refused = FileLock.acquire(path, 'it', { waitMs: 0 });
      await expect(refused).rejects.toMatchObject({
        code: 'INDEX_LOCKED',
        hint: expect.stringContaining(`delete ${path}`) as string,
      });
      expect(await readFile(path, 'utf8')).toBe(content);
      await age(path, 180);
      await (await FileLock.acquire(path, 'it', { waitMs: 0 })).release();
      expect(await readdir(folder)).toEqual([]);
    }),
  );

  it.each([-3600, 3600])('does not judge by its own clock, which may be %i seconds off', (seconds) =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      await writeFile(path, holder({ host: 'elsewhere' }));
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 * seconds });
      try {
        await expect(FileLock.acquire(path, 'it', { waitMs: 50 })).rejects.toMatchObject({ code: 'INDEX_LOCKED' });
      } finally {
        vi.useRealTimers();
      }
      expect(await readdir(folder)).toEqual(['lock']);
      await age(path, 180);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 * seconds });
      try {
        await (await FileLock.acquire(path, 'it', { waitMs: 0 })).release();
      } finally {
        vi.useRealTimers();
      }
    }),
  );

  it('keeps a lock alive although its clock is an hour behind, and leaves another’s as it is', () =>
    inFolder(async (folder) => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'], now: Date.now() - 3_600_000 });
      try {
        const path = join(folder, 'lock');
        const touched = async (): Promise<number> => (await stat(path)).mtimeMs;
        const lock = await FileLock.acquire(path, 'it');
        const before = await touched();
        vi.advanceTimersByTime(10_000);
        for (let i = 0; i < 200 && (await touched()) === before; i++) await sleep(10);
        expect(await touched()).toBeGreaterThan(before);
        await writeFile(join(folder, 'next'), '[another]');
        await rename(join(folder, 'next'), path);
        vi.advanceTimersByTime(30_000);
        await sleep(50);
        expect(await readFile(path, 'utf8')).toBe('[another]');
        await lock.release();
      } finally {
        vi.useRealTimers();
      }
    }));

  it('is touched while it is held, and no longer', () =>
    inFolder(async (folder) => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      try {
        const path = join(folder, 'lock');
        const touched = async (): Promise<number> => (await stat(path)).mtimeMs;
        const lock = await FileLock.acquire(path, 'it');
        await age(path, 3600);
        const before = await touched();
        vi.advanceTimersByTime(30_000);
        for (let i = 0; i < 200 && (await touched()) === before; i++) await sleep(10);
        expect(await touched()).toBeGreaterThan(before + 3_000_000);
        await lock.release();
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    }));

  it('leaves a dead lock to the process that is evicting it, unless that died at it', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      await writeFile(path, holder({ pid: await deadPid() }));
      await writeFile(`${path}.evicting`, 'another');
      await expect(FileLock.acquire(path, 'it', { waitMs: 100 })).rejects.toMatchObject({ code: 'INDEX_LOCKED' });
      expect((await readdir(folder)).sort()).toEqual(['lock', 'lock.evicting']);
      await age(`${path}.evicting`, 60);
      await (await FileLock.acquire(path, 'it', { waitMs: 5000 })).release();
      expect(await readdir(folder)).toEqual([]);
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

  it('lets one in at a time when holder after holder dies', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lock');
      const pid = await deadPid();
      let inside = 0;
      let most = 0;
      await Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          for (let turn = 0; turn < 25; turn++) {
            const lock = await FileLock.acquire(path, 'it', { waitMs: 50_000 });
            most = Math.max(most, ++inside);
            await lock.assertHeld();
            inside--;
            // Dies: the lock stays, and names a process that is gone.
            await writeFile(join(folder, `dead-${worker}`), holder({ pid, token: `dead ${worker} ${turn}` }));
            await rename(join(folder, `dead-${worker}`), path);
            await lock.release();
          }
        }),
      );
      expect(most).toBe(1);
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
