/** The present and the previous generation of an index under every swap, and under a kill at each step of it. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { IndexBuild } from '../../src/store/index-build.js';
import {
  findIndex,
  findPrevious,
  listIndexes,
  lockIndex,
  removeIndex,
  swapGenerations,
  type Succession,
} from '../../src/store/index-folder.js';
import { readManifest, writeManifest } from '../../src/store/manifest.js';
import { BUILD_PLAN, inFolder, manifestOf } from './support.js';

/** How many renames are made before the next one fails, as if the process ended there. */
const fault = vi.hoisted(() => ({ after: Infinity }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    rename: async (from: string, to: string): Promise<void> => {
      if (fault.after-- <= 0) throw new Error('killed');
      await real.rename(from, to);
    },
  };
});
beforeEach(() => {
  fault.after = Infinity;
});

/** An index that says of itself, by its number of rows, which one it is. @param killedAt renames of the swap that are made */
async function publish(root: string, rows: number, succession: Succession, killedAt = Infinity): Promise<void> {
  const ifExists = succession === 'supersede' ? 'set-aside' : succession;
  const build = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint, { ifExists });
  await writeManifest(build.folder, manifestOf('bank', rows));
  fault.after = killedAt;
  try {
    await build.publish(succession);
  } finally {
    fault.after = Infinity;
    await build.close();
  }
}

async function swap(root: string, killedAt = Infinity): Promise<void> {
  const lock = await lockIndex(root, 'bank');
  fault.after = killedAt;
  try {
    await swapGenerations(root, 'bank');
  } finally {
    fault.after = Infinity;
    await lock.release();
  }
}

/** Rows of the two generations; undefined where there is none. */
async function found(root: string): Promise<[present: number | undefined, previous: number | undefined]> {
  const rowsOf = async (folder: Promise<string | undefined>): Promise<number | undefined> => {
    const there = await folder.catch((error: unknown) => {
      if (!FungiError.is(error, 'INDEX_NOT_FOUND')) throw error;
      return undefined;
    });
    return there === undefined ? undefined : (await readManifest(there)).rows;
  };
  return [await rowsOf(findIndex(root, 'bank')), await rowsOf(findPrevious(root, 'bank'))];
}

const garbage = async (root: string): Promise<string[]> =>
  (await readdir(root)).filter((entry) => !['bank', '.previous-bank', '.building-bank'].includes(entry));

describe('the previous generation', () => {
  it('is the index that a build set aside, and one alone', () =>
    inFolder(async (root) => {
      await publish(root, 1, 'set-aside');
      expect(await found(root)).toEqual([1, undefined]);
      await publish(root, 2, 'set-aside');
      expect(await found(root)).toEqual([2, 1]);
      await publish(root, 3, 'set-aside');
      expect(await found(root)).toEqual([3, 2]);
      expect(await listIndexes(root)).toEqual(['bank']);
    }));

  it('goes with the index that a build replaces, and with one that is removed', () =>
    inFolder(async (root) => {
      for (const end of [() => publish(root, 3, 'replace'), () => removeIndex(root, 'bank')]) {
        await publish(root, 1, 'set-aside');
        await publish(root, 2, 'set-aside');
        await end();
        expect((await found(root))[1]).toBeUndefined();
        expect(await readdir(root)).not.toContain('.previous-bank');
      }
      expect(await readdir(root)).toEqual([]);
    }));

  it('is left alone by the refusal of a build', () =>
    inFolder(async (root) => {
      await publish(root, 1, 'set-aside');
      await publish(root, 2, 'set-aside');
      await expect(publish(root, 3, 'refuse')).rejects.toMatchObject({ code: 'INDEX_EXISTS' });
      expect(await found(root)).toEqual([2, 1]);
    }));

  it('comes back where the index is gone, is no index by itself, and can be removed', () =>
    inFolder(async (root) => {
      await publish(root, 1, 'set-aside');
      await publish(root, 2, 'set-aside');
      await rm(join(root, 'bank'), { recursive: true });
      expect(await listIndexes(root)).toEqual([]);
      await expect(findIndex(root, 'bank')).rejects.toMatchObject({
        code: 'INDEX_NOT_FOUND',
        hint: expect.stringContaining('fungi indexes rollback bank') as string,
      });
      await swap(root);
      expect(await found(root)).toEqual([1, undefined]);
      await rename(join(root, 'bank'), join(root, '.previous-bank'));
      await removeIndex(root, 'bank');
      expect(await readdir(root)).toEqual([]);
    }));

  it('does not take the place of what is no index', () =>
    inFolder(async (root) => {
      await publish(root, 1, 'set-aside');
      await publish(root, 2, 'set-aside');
      await rm(join(root, 'bank'), { recursive: true });
      await mkdir(join(root, 'bank'));
      await expect(swap(root)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await readdir(root)).toEqual(['.previous-bank', 'bank']);
    }));
});

describe('a swap that is killed', () => {
  /** Generations 2 and 1 are there before. */
  const CASES: [
    what: string,
    work: (root: string, killedAt: number) => Promise<void>,
    after: unknown[],
    renames: number,
  ][] = [
    ['of a build that sets aside', (root, at) => publish(root, 3, 'set-aside', at), [3, 2], 4],
    ['of a build that replaces', (root, at) => publish(root, 3, 'replace', at), [3, undefined], 4],
    ['of a build that supersedes', (root, at) => publish(root, 3, 'supersede', at), [3, 1], 3],
    ['of a rollback', swap, [1, 2], 3],
  ];

  it.each(CASES)('%s, at any step, leaves what was or what was to be, and no garbage', (_, work, after, renames) =>
    inFolder(async (root) => {
      const outcomes: unknown[] = [];
      for (let at = 0; at <= renames; at++) {
        await publish(root, 1, 'replace');
        await publish(root, 2, 'set-aside');
        const ended = await work(root, at).then(
          () => true,
          () => false,
        );
        expect(ended).toBe(at === renames);
        expect(await listIndexes(root)).toEqual(['bank']);
        const [first, second] = await Promise.all([found(root), found(root)]);
        expect(first).toEqual(second);
        expect([[2, 1], after]).toContainEqual(first);
        outcomes.push(first);
        await (await lockIndex(root, 'bank')).release();
        expect(await found(root)).toEqual(first);
        expect(await garbage(root)).toEqual([]);
      }
      expect(outcomes[0]).toEqual([2, 1]);
      expect(outcomes.at(-1)).toEqual(after);
    }),
  );

  it('and recovered by a process that is killed too, is ended by the next (property)', async () => {
    const kills = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 });
    const swaps = fc.constantFrom(...(['set-aside', 'replace', 'supersede', 'rollback'] as const));
    await fc.assert(
      fc.asyncProperty(swaps, kills, (kind, [first = 0, ...rest]) =>
        inFolder(async (root) => {
          await publish(root, 1, 'replace');
          await publish(root, 2, 'set-aside');
          const work = kind === 'rollback' ? swap(root, first) : publish(root, 3, kind, first);
          await work.catch(() => undefined);
          for (const at of rest) {
            fault.after = at;
            await lockIndex(root, 'bank').then(
              (lock) => lock.release(),
              () => undefined,
            );
            fault.after = Infinity;
          }
          const after = { 'set-aside': [3, 2], replace: [3, undefined], supersede: [3, 1], rollback: [1, 2] }[kind];
          await (await lockIndex(root, 'bank')).release();
          expect([[2, 1], after]).toContainEqual(await found(root));
          expect(await garbage(root)).toEqual([]);
        }),
      ),
      { numRuns: 60, seed: 7 },
    );
  });
});
