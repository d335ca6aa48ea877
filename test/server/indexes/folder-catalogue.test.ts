/** Real indexes over a model of a few kilobytes, features computed by real model processes. */
import { cp, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { FungiSelector } from '../../../src/selector/selector.js';
import { FolderCatalogue, type CatalogueOptions } from '../../../src/server/indexes/folder-catalogue.js';
import { LanceStore } from '../../../src/store/lance.js';
import { FeatureCache } from '../../../src/workers/feature-cache.js';
import { ModelPool } from '../../../src/workers/model-pool.js';
import { makePlace, tinyExamples, type Place } from '../../selector/support.js';

let place: Place;
let pool: ModelPool;
let catalogue: FolderCatalogue;
let now = 0;
/** Another over the same folder, closed after the test. */
let fresh: (options?: Partial<CatalogueOptions>) => FolderCatalogue;
const catalogues: FolderCatalogue[] = [];

beforeEach(async () => {
  place = await makePlace();
  pool = new ModelPool({ backOffMs: 1 });
  const { encoder, indexes, sources = {} } = place.options('any');
  now = 0;
  fresh = (options = {}) => {
    const made = new FolderCatalogue({
      ...{ pool, sources, indexes: indexes!, encoders: new Map([['tiny', encoder]]), cache: new FeatureCache(1e6) },
      ...{ now: () => now, retryMs: 50, maxRetryMs: 200, ...options },
    });
    catalogues.push(made);
    return made;
  };
  catalogue = fresh();
});
afterEach(async () => {
  await Promise.all(catalogues.splice(0).map((each) => each.close()));
  await pool.close();
  await rm(place.folder, { recursive: true, force: true });
});

const build = async (name: string, rows: number): Promise<void> => {
  const selector = await FungiSelector.build({ ...place.options(name), examples: tinyExamples(rows) });
  await selector.close();
};

const sizeOf = (name = 'bank'): Promise<number> => catalogue.use(name, (index) => Promise.resolve(index.size));

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; !(await holds()); i++) {
    expect(i).toBeLessThan(1000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

describe('the indexes of a folder', () => {
  it('are opened once, when they are first asked for', async () => {
    await build('bank', 12);
    const seen = await Promise.all([1, 2, 3].map(() => catalogue.use('bank', (index) => Promise.resolve(index))));
    expect(new Set(seen).size).toBe(1);
    await expect(sizeOf('none')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
    await expect(sizeOf('../bank')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await catalogue.list()).toMatchObject([{ state: 'ready', name: 'bank', rows: 12 }]);
    expect(await catalogue.readiness()).toEqual([]);
  });

  it('tell which generation they are in without being opened, and when they are gone', async () => {
    await build('bank', 12);
    const openStore = vi.spyOn(LanceStore, 'open');
    const first = await catalogue.storeId('bank');
    expect(openStore).not.toHaveBeenCalled();
    openStore.mockRestore();
    expect(first).toBe(await catalogue.use('bank', (index) => Promise.resolve(index.manifest.storeId)));
    await build('bank', 13);
    expect(await catalogue.storeId('bank')).not.toBe(first);
    await catalogue.remove('bank');
    await expect(catalogue.storeId('bank')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
    await expect(catalogue.storeId('../bank')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('are replaced between two requests: none fails, and one that goes on keeps what it began with', async () => {
    await build('bank', 12);
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const before = catalogue.use('bank', async (index) => {
      await held;
      return { size: index.size, found: (await index.select('cat sat', { k: 20 })).examples.length };
    });
    expect(await sizeOf()).toBe(12);
    await build('bank', 15);
    now = 2000;
    let requests = 0;
    await until(async () => {
      const [size, { examples }] = await catalogue.use('bank', async (index) => {
        return [index.size, await index.select(`cat ${'a '.repeat(requests++ % 9)}`, { k: 20 })] as const;
      });
      expect(examples).toHaveLength(size);
      return size === 15;
    });
    goOn();
    expect(await before).toEqual({ size: 12, found: 12 });
  });

  it('follow a refit and rollbacks by another process between two requests, and none fails', async () => {
    await build('bank', 12);
    expect(await sizeOf()).toBe(12);
    const generationNow = (): Promise<string> => catalogue.use('bank', (index) => Promise.resolve(index.manifest.storeId));
    const first = await generationNow();
    const other = await FungiSelector.refit(place.options('bank'));
    const second = other.manifest.storeId;
    await other.add([{ input: 'cat cat cat', label: 'cat' }]);
    await other.close();
    let requests = 0;
    const becomes = async (storeId: string, rows: number): Promise<void> => {
      now += 2000;
      await until(async () => {
        const [found, size, { examples }] = await catalogue.use('bank', async (index) => {
          return [index.manifest.storeId, index.size, await index.select(`dog ${'a '.repeat(requests++ % 9)}`)] as const;
        });
        expect(examples).toHaveLength(size);
        expect([first, second]).toContain(found);
        return found === storeId && size === rows;
      });
    };
    await becomes(second, 13);
    await FungiSelector.rollback(place.options('bank'));
    await becomes(first, 12);
    await FungiSelector.rollback(place.options('bank'));
    await becomes(second, 13);
    await catalogue.use('bank', (index) => index.add([{ input: 'cat b', label: 'cat' }]));
    await FungiSelector.rollback(place.options('bank'));
    await FungiSelector.rollback(place.options('bank')); // there and back before it is noticed
    await catalogue.use('bank', (index) => index.add([{ input: 'cat d', label: 'cat' }]));
    await becomes(second, 15);
    expect(await catalogue.readiness()).toEqual([]);
    await catalogue.remove('bank');
    expect(await catalogue.list()).toEqual([]);
    await expect(FungiSelector.rollback(place.options('bank'))).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
  });

  it('show rows that another process has added', async () => {
    await build('bank', 12);
    expect(await sizeOf()).toBe(12);
    const other = await FungiSelector.open(place.options('bank'));
    await other.add([{ input: 'cat cat cat', label: 'cat' }]);
    await other.close();
    now = 2000;
    await until(async () => (await sizeOf()) === 13);
  });

  it('serve on in the old build when the new one cannot be opened, and say so', async () => {
    await build('bank', 12);
    expect(await sizeOf()).toBe(12);
    await build('bank', 15);
    await truncate(join(place.folder, 'indexes', 'bank', 'blend.safetensors'), 40);
    now = 2000;
    expect(await sizeOf()).toBe(12);
    await until(async () => (await catalogue.readiness()).length > 0);
    expect(await catalogue.readiness()).toEqual([
      { part: 'index bank', reason: 'INDEX_CORRUPT', impact: 'degraded' },
    ]);
    expect((await catalogue.use('bank', (index) => index.select('cat'))).examples).toHaveLength(12);
  });

  it('are built in a process of their own, and told of meanwhile', async () => {
    const request = { name: 'new', encoder: 'tiny', examples: tinyExamples(12) };
    const { done } = await catalogue.build(request);
    await expect(catalogue.build(request)).rejects.toMatchObject({ code: 'INDEX_LOCKED' });
    expect(await catalogue.status('new')).toMatchObject({ state: 'building' });
    await expect(sizeOf('new')).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(await done).toMatchObject({ state: 'ready', rows: 12 });
    expect(await sizeOf('new')).toBe(12);
    await expect(catalogue.build(request)).rejects.toMatchObject({ code: 'INDEX_EXISTS' });
    await catalogue.remove('new');
    await expect(sizeOf('new')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
    await expect(catalogue.remove('new')).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
  });

  it('tell of a build that failed until it is removed or built again', async () => {
    const examples = [{ input: ' ', label: 'cat' }];
    const told: unknown[] = [];
    catalogue = fresh({ onBuildFailed: (name: string, error: Error) => told.push([name, error]) });
    const { done } = await catalogue.build({ name: 'ill', encoder: 'tiny', examples });
    expect(await done).toMatchObject({ state: 'failed', error: { code: 'INVALID_TEXT' } });
    expect(told).toMatchObject([['ill', { code: 'INVALID_TEXT' }]]);
    expect(await catalogue.list()).toMatchObject([{ state: 'failed', name: 'ill' }]);
    await catalogue.remove('ill');
    expect(await catalogue.list()).toEqual([]);
  });

  it('survive the death of the model process', async () => {
    await build('bank', 12);
    const ask = (query: string) => catalogue.use('bank', (index) => index.select(query, { k: 1 }));
    const first = await ask('cat sat');
    process.kill(pool.pids[0]!, 'SIGKILL');
    const again = await ask('cat sat a');
    expect(again.examples).toHaveLength(1);
    expect(await ask('cat sat')).toEqual(first);
  });

  it('give embeddings of the encoders that are offered, and of no other', async () => {
    const embedder = await catalogue.embedder('tiny');
    expect((await embedder.embed(['cat', 'dog'])).vectors).toHaveLength(2);
    expect(await catalogue.embedder('tiny')).toBe(embedder);
    await expect(catalogue.embedder('other')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});

describe('readiness', () => {
  const folderOf = (name: string): string => join(place.folder, 'indexes', name);
  const damage = (name: string): Promise<void> => truncate(join(folderOf(name), 'blend.safetensors'), 40);
  const impairedBy = (reason: string, impact: string) => [{ part: 'index bank', reason, impact }];
  const becomes = async (of: FolderCatalogue, expected: readonly object[]): Promise<void> => {
    await expect.poll(() => of.readiness(), { timeout: 20_000 }).toEqual(expected);
  };

  it('is not touched by an index that is being built for the first time, nor by one whose build fails', async () => {
    const examples = [{ input: ' ', label: 'cat' }];
    const { done } = await catalogue.build({ name: 'bank', encoder: 'tiny', examples });
    await expect(sizeOf()).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(await catalogue.readiness()).toEqual([]);
    await done;
    expect(await catalogue.readiness()).toEqual([]);
  });

  it('is degraded by a broken index of several, until it is whole again, which is found without a request', async () => {
    await build('bank', 12);
    await build('other', 12);
    await cp(folderOf('bank'), join(place.folder, 'kept'), { recursive: true });
    await damage('bank');
    await expect(sizeOf()).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
    expect(await catalogue.readiness()).toEqual(impairedBy('INDEX_CORRUPT', 'degraded'));
    expect(await sizeOf('other')).toBe(12);
    await rm(folderOf('bank'), { recursive: true });
    await rename(join(place.folder, 'kept'), folderOf('bank'));
    await becomes(catalogue, []);
    expect(await sizeOf()).toBe(12);
  });

  it('forgets a broken index that another process has deleted', async () => {
    await build('bank', 12);
    await damage('bank');
    await expect(sizeOf()).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
    expect(await catalogue.readiness()).toHaveLength(1);
    await rm(folderOf('bank'), { recursive: true });
    await becomes(catalogue, []);
  });

  it('waits for the indexes that are required, whichever way they come to be there', async () => {
    const told: unknown[] = [];
    const onBroken = (name: string, error: Error | undefined) => told.push([name, FungiError.is(error) ? error.code : undefined]);
    const strict = fresh({ required: ['bank'], onBroken });
    expect(await strict.readiness()).toEqual(impairedBy('it is being opened', 'starting'));
    await strict.preload();
    expect(await strict.readiness()).toEqual(impairedBy('INDEX_NOT_FOUND', 'unready'));
    await build('bank', 12);
    await becomes(strict, []);
    expect(told).toEqual([
      ['bank', 'INDEX_NOT_FOUND'],
      ['bank', undefined],
    ]);
  });

  it('is lost with a required index that vanishes, and not with one that is removed on purpose', async () => {
    await build('bank', 12);
    const strict = fresh({ required: ['bank'] });
    await strict.preload();
    expect(await strict.readiness()).toEqual([]);
    await rename(folderOf('bank'), join(place.folder, 'kept'));
    now = 2000;
    await strict.use('bank', () => Promise.resolve()); // by which it is noticed
    await becomes(strict, impairedBy('INDEX_NOT_FOUND', 'unready'));
    await rename(join(place.folder, 'kept'), folderOf('bank'));
    await becomes(strict, []);
    await strict.remove('bank');
    expect(await strict.readiness()).toEqual([]);
  });

  it('says degraded of a required index whose new build cannot be opened: the old one serves', async () => {
    await build('bank', 12);
    const strict = fresh({ required: ['bank'] });
    await strict.preload();
    await build('bank', 15);
    await damage('bank');
    now = 2000;
    await strict.use('bank', () => Promise.resolve());
    await becomes(strict, impairedBy('INDEX_CORRUPT', 'degraded'));
  });
});
