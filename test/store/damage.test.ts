import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { LanceStore } from '../../src/store/lance.js';
import type { StoredRow } from '../../src/store/store.js';
import { TableSeal } from '../../src/store/table-seal.js';
import { allRows, DIMS, inFolder, rowOf, rowsOf } from './support.js';

const DATA = /^examples\.lance\/data\//;

/** Seeded damage to a file of `size` bytes. */
type Damage = (path: string, size: number, rng: Rng) => Promise<void>;
const damages: Readonly<Record<string, Damage>> = {
  deleted: (path) => rm(path),
  emptied: (path) => truncate(path, 0),
  truncated: (path, size, rng) => truncate(path, rng.int(size)),
  flipped,
};

async function flipped(path: string, size: number, rng: Rng): Promise<void> {
  const bytes = await readFile(path);
  const at = rng.int(size);
  bytes[at] = bytes[at]! ^ (1 << rng.int(8));
  await writeFile(path, bytes);
}

let whole: string;
let rows: StoredRow[];
let files: string[];
let done: () => void;
let removed: Promise<void>;

beforeAll(async () => {
  await new Promise<void>((ready) => {
    removed = inFolder(async (folder) => {
      whole = folder;
      const store = await LanceStore.create(folder, DIMS);
      await store.upsert(rowsOf(0, 20));
      await store.upsert([...rowsOf(20, 10), rowOf(5, { label: 'changed' })]);
      await store.delete(['row 1', 'row 25']);
      rows = await allRows(store);
      await store.close();
      const entries = await readdir(folder, { withFileTypes: true, recursive: true });
      files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort();
      ready();
      await new Promise<void>((resolve) => (done = resolve));
    });
  });
});
afterAll(async () => {
  done();
  await removed;
});

/** The whole rows, or INDEX_CORRUPT with a message: anything else is a wrong answer. */
async function outcome(folder: string): Promise<'right' | 'refused'> {
  let store: LanceStore | undefined;
  try {
    store = await LanceStore.open(folder);
    const count = await store.count();
    const found = await allRows(store);
    expect(found).toEqual(rows);
    expect(count).toBe(rows.length);
    expect(await store.get(['row 5', 'row 1'])).toEqual([rows.find(({ id }) => id === 'row 5')]);
    return 'right';
  } catch (error) {
    if (!FungiError.is(error, 'INDEX_CORRUPT')) throw error;
    expect(error.message.length).toBeGreaterThan(10);
    return 'refused';
  } finally {
    await store?.close();
  }
}

async function inCopy<T>(body: (copy: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const copy = join(folder, 'copy');
    await cp(whole, copy, { recursive: true });
    return body(copy);
  });
}

describe('a damaged store', () => {
  it('is right when it is whole', async () => {
    expect(await inCopy(outcome)).toBe('right');
  });

  it.each(Object.entries(damages))('is never wrong when a file is %s', async (what, damage) => {
    const refused: string[] = [];
    await inCopy(async (copy) => {
      for (const file of files) {
        const path = join(copy, file);
        const bytes = await readFile(path);
        const rng = Rng.stream('damage', what, file.replace(/[0-9a-f-]{20,}/, ''));
        for (let i = 0; i < (what === 'flipped' ? 5 : 1); i++) {
          await damage(path, bytes.length, rng);
          if ((await outcome(copy)) === 'refused') refused.push(file);
          await writeFile(path, bytes);
        }
      }
    });
    // Every file that holds rows, deletions or the newest version matters; whether each does depends on the damage.
    const data = files.filter((file) => DATA.test(file));
    expect(data.length).toBeGreaterThan(1);
    expect(refused).toEqual(expect.arrayContaining(data));
    expect(refused).toContain(files.find((file) => file.startsWith('examples.lance/_versions/1844')));
    expect(refused).toContain(files.findLast((file) => file.startsWith('examples.lance/_deletions/')));
    expect(refused).toContain('seal.json');
  });

  it.each(Object.entries(damages))('is counted although a file of rows is %s', async (_, damage) => {
    await inCopy(async (copy) => {
      for (const file of files.filter((name) => DATA.test(name))) {
        const path = join(copy, file);
        await damage(path, (await readFile(path)).length, Rng.stream('count', file.length));
      }
      expect(await LanceStore.count(copy)).toBe(rows.length);
    });
  });

  it.each(Object.entries(damages))('is counted right or refused when another file is %s', async (what, damage) => {
    let refused = 0;
    await inCopy(async (copy) => {
      for (const file of files.filter((name) => !DATA.test(name))) {
        const path = join(copy, file);
        const bytes = await readFile(path);
        await damage(path, bytes.length, Rng.stream('count', what, file.length));
        const count: unknown = await LanceStore.count(copy).catch((error: unknown) => error);
        if (FungiError.is(count, 'INDEX_CORRUPT')) refused++;
        else expect(count).toBe(rows.length);
        await writeFile(path, bytes);
      }
    });
    expect(refused).toBeGreaterThan(2);
  });

  it('names the file', async () => {
    const file = files.find((name) => DATA.test(name))!;
    await inCopy(async (copy) => {
      await flipped(join(copy, file), 100, Rng.stream('name'));
      await expect(LanceStore.open(copy)).rejects.toThrow(file.replace('examples.lance/', ''));
    });
  });

  it('is caught row by row when the files changed after it was opened, or before they were sealed', async () => {
    const data = files.filter((name) => DATA.test(name));
    let refusals = 0;
    for (let seed = 0; seed < 12; seed++) {
      const rng = Rng.stream('rows', seed);
      await inCopy(async (copy) => {
        const path = join(copy, data[seed % data.length]!);
        const sealedAgain = seed >= 6;
        const open = sealedAgain ? undefined : await LanceStore.open(copy);
        await flipped(path, (await readFile(path)).length, rng);
        if (sealedAgain) {
          await rm(join(copy, 'seal.json'));
          await new TableSeal(join(copy, 'examples.lance'), join(copy, 'seal.json')).update();
        }
        const store = open ?? (await LanceStore.open(copy));
        try {
          expect(await allRows(store)).toEqual(rows);
        } catch (error) {
          if (!FungiError.is(error, 'INDEX_CORRUPT')) throw error;
          refusals++;
          const { problems } = await store.verify();
          expect(problems.length).toBeGreaterThan(0);
        }
        await store.close();
      });
    }
    expect(refusals).toBeGreaterThan(6);
  });

  it('is reported by verify, each file and row', async () => {
    await inCopy(async (copy) => {
      const store = await LanceStore.open(copy);
      const vector = Buffer.from(rowOf(6).vector.buffer);
      let file = '';
      for (const name of files.filter((name) => DATA.test(name))) {
        const bytes = await readFile(join(copy, name));
        const at = bytes.indexOf(vector);
        if (at < 0) continue;
        file = name;
        bytes[at + 3]! ^= 64;
        await writeFile(join(copy, name), bytes);
      }
      expect((await store.verify()).problems).toEqual([{ message: expect.stringContaining(file.slice(15)) as string }]);

      await rm(join(copy, 'seal.json'));
      await new TableSeal(join(copy, 'examples.lance'), join(copy, 'seal.json')).update();
      const { rows: read, problems } = await store.verify();
      expect(read).toBe(rows.length - 1);
      expect(problems).toEqual([{ id: 'row 6', message: expect.stringContaining('"row 6"') as string }]);
      await expect(store.get(['row 6'])).rejects.toMatchObject({ code: 'INDEX_CORRUPT', details: { id: 'row 6' } });
      await store.close();
    });
  });
});
