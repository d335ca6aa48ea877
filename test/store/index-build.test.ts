import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { IndexBuild } from '../../src/store/index-build.js';
import { findIndex, listIndexes, lockIndex, removeIndex } from '../../src/store/index-folder.js';
import { LanceStore } from '../../src/store/lance.js';
import { readManifest, writeManifest } from '../../src/store/manifest.js';
import { BUILD_ROWS, buildIndex, builtRow, type BuildMessage } from './build-index.js';
import { allRows, BUILD_PLAN, forkChild, inFolder, manifestOf, messagesOf, stagedFeature } from './support.js';

/** An index with this many rows in its manifest, and nothing else. */
async function publish(root: string, name: string, rows: number): Promise<void> {
  const build = await IndexBuild.open(root, name, BUILD_PLAN.fingerprint);
  await writeManifest(build.folder, manifestOf(name, rows));
  await build.publish();
  await build.close();
}

const rowsOfIndex = async (root: string, name: string): Promise<number> =>
  (await readManifest(await findIndex(root, name))).rows;

describe('IndexBuild', () => {
  it.each([
    [1, ['window', 'window'] as const],
    [2, ['table'] as const],
    [3, ['publish'] as const],
  ])('ends in the same index after kills (seed %i, at %j)', (seed, stages) =>
    inFolder(async (root) => {
      const rng = Rng.stream('build kills', seed);
      let recorded = 0;
      for (const stage of stages) {
        // Killed some milliseconds after this many messages of the stage.
        const count = stage === 'publish' ? 1 : 1 + rng.int(3);
        const delay = rng.int(stage === 'publish' ? 25 : 8);
        const child = forkChild('build-child.ts', [root, 'bank']);
        const messages = await messagesOf<BuildMessage>(child, (last, all) => {
          if (last.stage === stage && all.filter((one) => one.stage === stage).length === count) {
            setTimeout(() => child.kill('SIGKILL'), delay);
          }
        });
        // Rows that were reported are never computed again; once published, a build begins anew.
        if (recorded < BUILD_ROWS) expect(messages[0]!.done).toBeGreaterThanOrEqual(recorded);
        recorded = Math.max(
          ...messages.filter((one) => ['begin', 'window'].includes(one.stage)).map((one) => one.done),
        );
      }
      await buildIndex(root, 'bank', () => undefined);
      expect(await readdir(root)).toEqual(['bank']);
      const store = await LanceStore.open(await findIndex(root, 'bank'));
      expect(await allRows(store)).toEqual(Array.from({ length: BUILD_ROWS }, (_, i) => builtRow(i)));
      await store.close();
    }),
  );

  it('keeps the old index readable until the new one is complete', () =>
    inFolder(async (root) => {
      await publish(root, 'bank', 1);
      const build = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint);
      await (await build.stage(BUILD_PLAN.width)).append(stagedFeature(0));
      expect(await rowsOfIndex(root, 'bank')).toBe(1);
      await expect(build.publish()).rejects.toMatchObject({ code: 'INDEX_CORRUPT' }); // no manifest yet
      expect(await rowsOfIndex(root, 'bank')).toBe(1);
      await writeManifest(build.folder, manifestOf('bank', 2));
      await build.publish();
      await build.close();
      expect(await rowsOfIndex(root, 'bank')).toBe(2);
      expect(await readdir(root)).toEqual(['bank']);
    }));

  it('refuses to publish an artefact that is not what the manifest says', () =>
    inFolder(async (root) => {
      const build = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint);
      const artefacts = [{ file: 'pca.safetensors', sha256: 'c'.repeat(64) }];
      await writeManifest(build.folder, manifestOf('bank', 1, { artefacts }));
      await expect(build.publish()).rejects.toThrow(/pca\.safetensors is missing/);
      await build.close();
      expect(await listIndexes(root)).toEqual([]);
    }));

  it('resumes what close left, begins with an empty folder, and starts over under another plan', () =>
    inFolder(async (root) => {
      const first = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint);
      await (await first.stage(BUILD_PLAN.width)).append(stagedFeature(0));
      await writeManifest(first.folder, manifestOf('bank', 1));
      await first.close();
      const second = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint);
      expect((await second.stage(BUILD_PLAN.width)).rowsDone).toBe(1);
      expect(await readdir(second.folder)).toEqual([]);
      await second.close();
      const third = await IndexBuild.open(root, 'bank', 'other');
      expect((await third.stage(BUILD_PLAN.width)).rowsDone).toBe(0);
      await third.close();
    }));

  it('names the index when it goes on or starts over', () =>
    inFolder(async (root) => {
      const lines: string[] = [];
      const tell = (line: string): unknown => lines.push(line);
      const logger = { debug: tell, info: tell, warn: tell };
      for (const plan of [BUILD_PLAN.fingerprint, BUILD_PLAN.fingerprint, 'another plan']) {
        const build = await IndexBuild.open(root, 'bank', plan, { logger });
        const stage = await build.stage(BUILD_PLAN.width);
        if (stage.rowsDone === 0) await stage.append(stagedFeature(0));
        await build.close();
      }
      expect(lines).toEqual([
        'index "bank": 1 row is done already',
        'index "bank": an unfinished build is of other data or settings: starting over',
      ]);
    }));

  it('shuts out other writers of the same index, and of no other', () =>
    inFolder(async (root) => {
      const build = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint);
      const locked = { code: 'INDEX_LOCKED' };
      await expect(IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint, { waitMs: 0 })).rejects.toMatchObject(locked);
      await expect(lockIndex(root, 'bank', { waitMs: 0 })).rejects.toMatchObject(locked);
      await expect(removeIndex(root, 'bank', { waitMs: 0 })).rejects.toMatchObject(locked);
      await (await IndexBuild.open(root, 'other', BUILD_PLAN.fingerprint)).close();
      await build.close();
      await (await lockIndex(root, 'bank')).release();
    }));

  it('keeps the name locked after a publish, until it is closed', () =>
    inFolder(async (root) => {
      const build = await IndexBuild.open(root, 'bank', BUILD_PLAN.fingerprint);
      await writeManifest(build.folder, manifestOf('bank', 1));
      await build.publish();
      await expect(lockIndex(root, 'bank', { waitMs: 0 })).rejects.toMatchObject({ code: 'INDEX_LOCKED' });
      await build.close();
      await (await lockIndex(root, 'bank', { waitMs: 0 })).release();
    }));

  it('refuses to replace an index unless told to, also one that comes while it builds', () =>
    inFolder(async (root) => {
      const open = (name: string) =>
        IndexBuild.open(root, name, BUILD_PLAN.fingerprint, { waitMs: 0, ifExists: 'refuse' });
      await publish(root, 'bank', 1);
      const exists = { code: 'INDEX_EXISTS', hint: expect.stringContaining('--force') as string };
      await expect(open('bank')).rejects.toMatchObject(exists);
      await rename(join(root, 'bank'), join(root, '.replaced-bank')); // set aside by a publish that was killed: it is there
      expect(await listIndexes(root)).toEqual(['bank']);
      await expect(open('bank')).rejects.toMatchObject(exists);
      expect(await readdir(root)).toEqual(['bank']);

      const build = await open('new');
      await writeManifest(build.folder, manifestOf('new', 2));
      await rename(join(root, 'bank'), join(root, 'new'));
      await expect(build.publish()).rejects.toMatchObject(exists);
      await build.close();
      expect(await rowsOfIndex(root, 'new')).toBe(1);
    }));

  it.each([
    ['a folder', (path: string) => mkdir(path)],
    ['a file', (path: string) => writeFile(path, 'precious')],
    [
      'another program’s manifest',
      async (path: string) => {
        await mkdir(path);
        await writeFile(join(path, 'manifest.json'), '{"name": "extension", "manifest_version": 3}');
      },
    ],
  ])('leaves %s of the same name alone', (_, make) =>
    inFolder(async (root) => {
      const path = join(root, 'docs');
      const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(path) as string };
      await make(path);
      await expect(IndexBuild.open(root, 'docs', BUILD_PLAN.fingerprint)).rejects.toMatchObject(refused);
      await rm(path, { recursive: true });

      const build = await IndexBuild.open(root, 'docs', BUILD_PLAN.fingerprint);
      await writeManifest(build.folder, manifestOf('docs', 1));
      await make(path); // after the build began
      await expect(build.publish()).rejects.toMatchObject(refused);
      await build.close();
      await expect(removeIndex(root, 'docs')).rejects.toMatchObject(refused); // though an unfinished build is there
      await rm(join(root, '.building-docs'), { recursive: true });
      await expect(removeIndex(root, 'docs')).rejects.toMatchObject({
        code: 'INDEX_NOT_FOUND',
        message: expect.stringContaining(`what lies at ${path} is something else`) as string,
      });
      expect(await listIndexes(root)).toEqual([]);
      expect(await readdir(root)).toEqual(['docs']);
    }),
  );

  it('replaces and removes a damaged index', () =>
    inFolder(async (root) => {
      for (const lost of ['manifest.json', 'store-id']) {
        await buildIndex(root, 'bank', () => undefined);
        await rm(join(root, 'bank', lost));
        await publish(root, 'bank', 3);
        expect(await rowsOfIndex(root, 'bank')).toBe(3);
        await buildIndex(root, 'bank', () => undefined);
        await rm(join(root, 'bank', lost));
        await removeIndex(root, 'bank');
        expect(await readdir(root)).toEqual([]);
      }
    }));

  it('undoes or completes a publish that was killed between its renames', () =>
    inFolder(async (root) => {
      await publish(root, 'bank', 1);
      await publish(root, 'spare', 2);
      await rename(join(root, 'bank'), join(root, '.replaced-bank')); // killed after the first rename
      expect(await rowsOfIndex(root, 'bank')).toBe(1);
      expect(await readdir(root)).toEqual(['bank', 'spare']);

      await rename(join(root, 'bank'), join(root, '.replaced-bank')); // killed after the second
      await rename(join(root, 'spare'), join(root, 'bank'));
      expect(await rowsOfIndex(root, 'bank')).toBe(2);
      await (await lockIndex(root, 'bank')).release();
      expect(await readdir(root)).toEqual(['bank']);

      await rename(join(root, 'bank'), join(root, '.replaced-bank')); // killed, and its place taken by something else
      await mkdir(join(root, 'bank'));
      await (await lockIndex(root, 'bank')).release();
      expect(await readdir(root)).toEqual(['.replaced-bank', 'bank']);
      await rm(join(root, 'bank'), { recursive: true });
      expect(await rowsOfIndex(root, 'bank')).toBe(2);

      await rename(join(root, 'bank'), join(root, '.removing-bank')); // killed while removing
      await expect(findIndex(root, 'bank')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
      await publish(root, 'bank', 3);
      expect(await readdir(root)).toEqual(['bank']);
    }));
});
