import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import {
  assertIndexName,
  findIndex,
  indexPaths,
  listIndexes,
  lockIndex,
  removeIndex,
} from '../../src/store/index-folder.js';
import { IndexBuild } from '../../src/store/index-build.js';
import { writeManifest } from '../../src/store/manifest.js';
import { BUILD_PLAN, inFolder, manifestOf } from './support.js';

async function makeIndex(root: string, name: string): Promise<void> {
  await writeManifest(join(root, name), manifestOf(name, 1));
}

describe('index names', () => {
  it('are refused unless every path they make stays in the root', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({
        unit: fc.constantFrom('a', 'z', '0', '9', '_', '-', 'A', '.', '/', '\\', '%', '\0', ' ', 'é'),
        maxLength: 70,
      }),
      fc.string({ unit: fc.constantFrom('a', 'z', '0', '9', '_', '-'), maxLength: 70 }),
    );
    let accepted = 0;
    fc.assert(
      fc.property(name, (text) => {
        try {
          const paths = Object.values(indexPaths('root', text));
          accepted++;
          expect(text).toMatch(/^[a-z0-9][a-z0-9_-]{0,62}$/);
          for (const path of paths) expect(relative('root', path)).toMatch(/^\.?[a-z0-9_-]+$/);
        } catch (error) {
          if (!FungiError.is(error, 'INVALID_ARGUMENT')) throw error;
          expect(/^[a-z0-9][a-z0-9_-]*$/.test(text) && text.length <= 63).toBe(false);
        }
      }),
      { numRuns: 300, seed: 3 },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  it.each(['', '.', '..', 'a/b', 'A', 'a b', '-a', '_a', 'a\n', 'é', 'x'.repeat(64), 7, null, undefined])(
    'refuses %j',
    (name) => {
      expect(() => {
        assertIndexName(name);
      }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );
});

describe('a root of indexes', () => {
  it('lists complete indexes only', () =>
    inFolder(async (root) => {
      expect(await listIndexes(join(root, 'nothing'))).toEqual([]);
      for (const name of ['trec', 'bank-77']) await makeIndex(root, name);
      await mkdir(join(root, 'empty'));
      await makeIndex(root, 'Not_a_name');
      await writeFile(join(root, 'file'), '');
      const build = await IndexBuild.open(root, 'unfinished', BUILD_PLAN.fingerprint);
      expect(await listIndexes(root)).toEqual(['bank-77', 'trec']);
      await build.close();
    }));

  it('says which indexes there are when one is not', () =>
    inFolder(async (root) => {
      await expect(findIndex(join(root, 'nothing'), 'bank')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
      await expect(lockIndex(join(root, 'nothing'), 'bank')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
      await makeIndex(root, 'trec');
      await expect(findIndex(root, 'bank')).rejects.toMatchObject({
        code: 'INDEX_NOT_FOUND',
        hint: 'There are: trec.',
      });
      await (await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint)).close();
      await expect(findIndex(root, 'bank')).rejects.toMatchObject({
        hint: expect.stringContaining('unfinished') as string,
      });
      expect(await findIndex(root, 'trec')).toBe(join(root, 'trec'));
    }));

  it('removes an index with its unfinished build', () =>
    inFolder(async (root) => {
      await makeIndex(root, 'bank');
      await (await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint)).close();
      await removeIndex(root, 'bank');
      expect(await readdir(root)).toEqual([]);
      await expect(removeIndex(root, 'bank')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
    }));

  it('is a typed error where the disk refuses', () =>
    inFolder(async (root) => {
      const file = join(root, 'file');
      await writeFile(file, '');
      const failed = { code: 'STORAGE_FAILED', exitCode: 5, httpStatus: 507 };
      await expect(IndexBuild.open(join(file, 'below'), 'bank', BUILD_PLAN.fingerprint)).rejects.toMatchObject(failed);
      await expect(listIndexes(file)).rejects.toMatchObject(failed);
      await expect(findIndex(file, 'bank')).rejects.toMatchObject(failed);
      await expect(writeManifest(join(file, 'below'), manifestOf('bank', 1))).rejects.toMatchObject(failed);
    }));
});
