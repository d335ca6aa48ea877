import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/core/config.js';
import { FungiError } from '../../../src/core/errors.js';
import { silentLogger } from '../../../src/core/log.js';
import { ownIdentity } from '../../../src/core/process-identity.js';
import { withLock } from '../../../src/encoders/sources/lock.js';
import type { SourceOptions } from '../../../src/encoders/sources/options.js';

const SUBJECT = 'model "org/tiny"';
/** No process of this machine has it. */
const UNKNOWN_PID = 2_147_483_646;

let folder: string;
let path: string;
/** Called at each wait with its number. */
let onWait: (wait: number) => Promise<void>;
let waits: number;
let told: string[];
let options: SourceOptions;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'models', 'org--tiny.lock');
  [waits, told, onWait] = [0, [], () => Promise.reject(new Error('waits'))];
  options = {
    ...readConfig({}),
    log: { ...silentLogger, info: (line) => void told.push(line) },
    effects: { sleep: () => onWait(++waits) },
  };
  await withLock(path, SUBJECT, options, () => Promise.resolve()); // makes the folder
});
afterEach(() => rm(folder, { recursive: true }));

const mine = () => withLock(path, SUBJECT, options, () => Promise.resolve('mine'));
const heldBy = (holder: object) =>
  writeFile(path, JSON.stringify({ ...ownIdentity(), token: 'other', since: 'today', ...holder }));

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  return child.pid!;
}

describe('the lock of a model', () => {
  it('is there while the work is done, and gone after it, done or failed', async () => {
    await withLock(path, SUBJECT, options, async () => {
      expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
    });
    await expect(withLock(path, SUBJECT, options, () => Promise.reject(new RangeError('no')))).rejects.toThrow(
      RangeError,
    );
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('is taken over from a process that died', async () => {
    await heldBy({ pid: await deadPid(), started: null });
    expect(await mine()).toBe('mine');
  });

  it.each([
    ['in another container', { pid: UNKNOWN_PID, pidNamespace: 'pid:[1]' }],
    ['on another machine', { pid: UNKNOWN_PID, host: 'elsewhere' }],
    ['here', {}],
  ])('is waited for as long as its holder lives %s', async (_, holder) => {
    await heldBy(holder);
    onWait = async (wait) => {
      if (wait === 3) await rm(path);
    };
    expect(await mine()).toBe('mine');
    expect(waits).toBe(3);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^model "org\/tiny" is being written by process \d+ on .* Waiting for .*org--tiny.lock$/);
  });

  it('is taken over from a holder elsewhere that has not touched it for long', async () => {
    await heldBy({ pid: UNKNOWN_PID, host: 'elsewhere' });
    const longAgo = new Date(Date.now() - 600_000);
    await utimes(path, longAgo, longAgo);
    expect(await mine()).toBe('mine');
  });

  it('is let in one at a time when several find a dead one', async () => {
    await heldBy({ pid: await deadPid(), started: null });
    onWait = () => new Promise((done) => setTimeout(done, 2));
    let [inside, most] = [0, 0];
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((done) => setTimeout(done, 5));
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, SUBJECT, options, work)));
    expect(most).toBe(1);
  });

  describe('that another process took away meanwhile', () => {
    const losing = (error: Error) =>
      withLock(path, SUBJECT, options, async () => {
        await heldBy({ host: 'elsewhere' });
        throw error;
      });

    it('stays the other’s', async () => {
      await withLock(path, SUBJECT, options, () => heldBy({ host: 'elsewhere' }));
      expect(await readFile(path, 'utf8')).toContain('elsewhere');
    });

    it('explains a failure that says nothing', async () => {
      const missing = Object.assign(new Error('rename'), { code: 'ENOENT', syscall: 'rename' });
      await expect(losing(missing)).rejects.toMatchObject({
        code: 'DOWNLOAD_FAILED',
        message: expect.stringContaining(`${SUBJECT}: another process has taken over`) as string,
        cause: missing,
      });
    });

    it('does not hide an error that says what it is', async () => {
      await expect(losing(new FungiError('MODEL_UNSUPPORTED', 'it'))).rejects.toMatchObject({
        code: 'MODEL_UNSUPPORTED',
      });
    });
  });
});
