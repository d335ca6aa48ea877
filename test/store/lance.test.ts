import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LanceStore } from '../../src/store/lance.js';
import { allRows, batchOf, DIMS, forkChild, inFolder, messagesOf, rowOf, rowsOf } from './support.js';

describe('LanceStore', () => {
  it('tells which ids there are, of more than one query asks for', () =>
    inFolder(async (folder) => {
      const store = await LanceStore.create(folder, DIMS);
      await store.upsert(['a', "it's", 'z'].map((id, i) => rowOf(i, { id })));
      const others = Array.from({ length: 2500 }, (_, i) => `other ${i}`);
      expect(await store.present(['z', ...others, "it's"])).toEqual(new Set(['z', "it's"]));
      expect(await store.present([])).toEqual(new Set());
      await store.close();
    }));

  it('gives another opening the same rows in the same order', () =>
    inFolder(async (folder) => {
      const store = await LanceStore.create(folder, DIMS);
      await store.upsert(rowsOf(0, 50));
      await store.upsert([rowOf(7, { label: 'changed' }), rowOf(99)]);
      await store.delete(['row 3']);
      const rows = await allRows(store);
      await store.close();

      const again = await LanceStore.open(folder);
      expect(again.dims).toBe(DIMS);
      expect(await allRows(again)).toEqual(rows);
      expect(rows.map(({ id }) => id).slice(0, 8)).toEqual([0, 1, 2, 4, 5, 6, 7, 8].map((i) => `row ${i}`));
      expect(rows.at(-1)?.id).toBe('row 99');
      await again.close();
    }));

  it('lets an open store see what another one writes', () =>
    inFolder(async (folder) => {
      const [writer, reader] = [await LanceStore.create(folder, DIMS), await LanceStore.open(folder)];
      await writer.upsert(rowsOf(0, 3));
      expect(await reader.count()).toBe(3);
      await reader.delete(['row 1']);
      expect((await allRows(writer)).map(({ id }) => id)).toEqual(['row 0', 'row 2']);
      await Promise.all([writer.close(), reader.close()]);
    }));

  it('keeps rows, order and a bounded number of files through many small writes', () =>
    inFolder(async (folder) => {
      const store = await LanceStore.create(folder, DIMS);
      for (let i = 0; i < 40; i++) await store.upsert([rowOf(i)]);
      const fragments = await readdir(join(folder, 'examples.lance', 'data'));
      expect(fragments.length).toBeGreaterThan(32); // a reader may still need the old versions
      await store.compact();
      expect(await readdir(join(folder, 'examples.lance', 'data'))).toHaveLength(1);
      expect(await allRows(store)).toEqual(rowsOf(0, 40));
      expect(await store.verify()).toEqual({ rows: 40, problems: [] });
      await store.close();
      expect(await (await LanceStore.open(folder)).count()).toBe(40);
    }));

  it('joins the fragments of writers that each wrote once', () =>
    inFolder(async (folder) => {
      await (await LanceStore.create(folder, DIMS)).close();
      for (let i = 0; i < 40; i++) {
        const store = await LanceStore.open(folder);
        await store.upsert([rowOf(i)]);
        await store.close();
      }
      const table = await (await connect(folder)).openTable('examples');
      expect((await table.stats()).fragmentStats.numFragments).toBeLessThan(32);
      table.close();
      const store = await LanceStore.open(folder);
      expect(await allRows(store)).toEqual(rowsOf(0, 40));
      await store.close();
    }));

  it('does not call a stored write failed when it cannot be sealed, and seals it with the next', () =>
    inFolder(async (folder) => {
      const store = await LanceStore.create(folder, DIMS);
      const seal = join(folder, 'seal.json');
      await rename(seal, join(folder, 'aside'));
      await mkdir(seal); // no file can be put in its place
      expect(await store.upsert([rowOf(0)])).toEqual({ inserted: 1, updated: 0 });
      expect(await allRows(store)).toEqual([rowOf(0)]);
      const { problems } = await store.verify();
      expect(problems.map(({ message }) => message).join()).toMatch(/without its checksums/);
      await rm(seal, { recursive: true });
      await rename(join(folder, 'aside'), seal);
      await store.upsert([rowOf(1)]);
      expect(await store.verify()).toEqual({ rows: 2, problems: [] });
      await store.close();
    }));

  it('finds any id that it stored, and no other', () =>
    inFolder(async (folder) => {
      const store = await LanceStore.create(folder, DIMS);
      const id = fc
        .oneof(
          fc.string({ minLength: 1, maxLength: 512, unit: 'grapheme' }),
          fc.string({
            minLength: 1,
            maxLength: 40,
            unit: fc.constantFrom("'", '"', '\\', '%', '_', ';', '-', '\n', ' ', '`'),
          }),
        )
        .filter((text) => text.length <= 512 && !text.includes('\0'));
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(id, { minLength: 2, maxLength: 20 }), async (ids) => {
          const rows = ids.map((id, i) => rowOf(i, { id }));
          await store.upsert(rows);
          expect(await store.get(ids)).toEqual(rows);
          expect(await store.delete([ids[0]!])).toBe(1);
          expect(await store.get(ids)).toEqual(rows.slice(1));
          expect(await store.delete(ids)).toBe(ids.length - 1);
          expect(await store.count()).toBe(0);
        }),
        { numRuns: 12, seed: 5 },
      );
      await store.close();
    }));

  it('refuses to create over a store, and to open what is none', () =>
    inFolder(async (folder) => {
      const store = await LanceStore.create(folder, DIMS);
      await expect(LanceStore.create(folder, DIMS)).rejects.toMatchObject({ code: 'INDEX_EXISTS' });
      await expect(LanceStore.open(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      await expect(LanceStore.create(join(folder, 'other'), 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(LanceStore.create(join(folder, 'seal.json'), 3)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      await store.close();
    }));

  it('refuses to go on when another store took its place, and leaves that one alone', () =>
    inFolder(async (root) => {
      const path = join(root, 'bank');
      const store = await LanceStore.create(path, DIMS);
      await store.upsert(rowsOf(0, 5));
      await rename(path, join(root, 'old'));
      const replaced = { code: 'INDEX_MISMATCH', hint: 'Open the index again.' };
      await expect(store.count()).rejects.toMatchObject(replaced); // removed
      const other = await LanceStore.create(path, DIMS);
      await other.upsert(rowsOf(5, 30));
      await expect(store.count()).rejects.toMatchObject(replaced);
      await expect(store.get(['row 1'])).rejects.toMatchObject(replaced);
      await expect(allRows(store)).rejects.toMatchObject(replaced);
      await expect(store.upsert([rowOf(99)])).rejects.toMatchObject(replaced);
      await expect(store.delete(['row 7'])).rejects.toMatchObject(replaced);
      expect(await allRows(other)).toEqual(rowsOf(5, 30));
      await Promise.all([store.close(), other.close()]);
    }));

  it('goes on when it is back in its place, with what others wrote to it since', () =>
    inFolder(async (root) => {
      const path = join(root, 'bank');
      const store = await LanceStore.create(path, DIMS);
      await store.upsert(rowsOf(0, 5));
      await rename(path, join(root, 'old'));
      const other = await LanceStore.create(path, DIMS);
      for (let i = 0; i < 3; i++) await other.upsert(rowsOf(100 + i, 1)); // its version is a later one
      await expect(store.count()).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      await expect(store.upsert([rowOf(99)])).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      await rename(path, join(root, 'other'));
      await rename(join(root, 'old'), path);
      const writer = await LanceStore.open(path);
      for (let i = 0; (await writer.version()) < 6; i++) await writer.upsert(rowsOf(5 + i, 1)); // past the version of the other
      const rows = await allRows(writer);
      expect(await allRows(store)).toEqual(rows);
      expect(await store.version()).toBe(await writer.version());
      await store.upsert([rowOf(50)]);
      await store.delete(['row 0']);
      expect(await allRows(writer)).toEqual([...rows.slice(1), rowOf(50)]);
      expect((await writer.verify()).problems).toEqual([]);
      await Promise.all([store.close(), other.close(), writer.close()]);
    }));

  it('holds exactly what two processes wrote at once', () =>
    inFolder(async (folder) => {
      await (await LanceStore.create(folder, DIMS)).close();
      const batches = 6;
      await Promise.all([0, 1].map((writer) => messagesOf(forkChild('upsert-child.ts', [folder, writer, batches]))));
      const store = await LanceStore.open(folder);
      const rows = await allRows(store);
      const expected = [0, 1].flatMap((writer) => Array.from({ length: batches }, (_, i) => batchOf(writer, i)).flat());
      const byId = new Map(expected.map((row) => [row.id, row]));
      expect(rows).toHaveLength(byId.size);
      expect(new Map(rows.map((row) => [row.id, row]))).toEqual(byId);
      expect(await store.verify()).toEqual({ rows: byId.size, problems: [] });
      await store.close();
    }));

  it.each([1, 2])('keeps every acknowledged row when its process is killed (seed %i)', (seed) =>
    inFolder(async (folder) => {
      await (await LanceStore.create(folder, DIMS)).close();
      const child = forkChild('upsert-child.ts', [folder, 0, 1000]);
      const acknowledged = await messagesOf<number>(child, (_, all) => {
        if (all.length === 2 * seed) setTimeout(() => child.kill('SIGKILL'), (seed * 17) % 40);
      });
      const store = await LanceStore.open(folder);
      const rows = new Map((await allRows(store)).map((row) => [row.id, row]));
      for (const row of acknowledged.flatMap((batch) => batchOf(0, batch))) expect(rows.get(row.id)).toEqual(row);
      // A whole number of batches: the one that was under way is there entirely or not at all.
      expect([acknowledged.length, acknowledged.length + 1]).toContain(rows.size / 10);
      await store.upsert(batchOf(0, acknowledged.length)); // the dead process's lock is taken over
      expect(await store.verify()).toEqual({ rows: 10 * (acknowledged.length + 1), problems: [] });
      await store.close();
    }),
  );
});
