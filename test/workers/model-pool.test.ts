import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { withPhases, type Phase } from '../../src/core/phases.js';
import { ModelPool, type OpenSource, type PoolOptions } from '../../src/workers/model-pool.js';
import type { FeatureSource } from '../../src/workers/messages.js';

const pools: ModelPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

const source = (key = 'fake'): FeatureSource => ({ kind: 'encoder', key, options: { encoder: key } });

/** A pool of processes that run fake-program.ts, and what its observer was told. */
async function fakePool(options: PoolOptions = {}) {
  const batches: number[] = [];
  const counts = { restarts: 0, quarantined: 0, shed: [] as string[] };
  const pool = new ModelPool({
    program: new URL('fake-program.ts', import.meta.url),
    backOffMs: 1,
    observer: {
      batch: ({ items }) => batches.push(items),
      restart: () => counts.restarts++,
      quarantined: () => counts.quarantined++,
      shed: (reason) => counts.shed.push(reason),
    },
    ...options,
  });
  pools.push(pool);
  const open = await pool.open(source());
  return { pool, open, batches, counts, all: (items: readonly string[]) => outcomes(pool, open, items) };
}

/** Length of each item as its feature tells, or the code of its error. */
async function outcomes(pool: ModelPool, open: OpenSource, items: readonly string[]): Promise<(number | string)[]> {
  const settled = await Promise.allSettled(items.map((item) => pool.featurize(open, item, 'query')));
  return settled.map((each) =>
    each.status === 'fulfilled' ? each.value.vector[0]! : (each.reason as { code: string }).code,
  );
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => 'x'.repeat(i + 1));

describe('a pool of model processes', () => {
  it('computes what comes together in one run, and gives each its own', async () => {
    const { all, batches } = await fakePool();
    expect(await all(texts(5))).toEqual([1, 2, 3, 4, 5]);
    expect(batches).toEqual([5]);
  });

  it('tells each who has items in a run how long they waited and how long it took, once', async () => {
    const { pool, open, batches } = await fakePool();
    const asked = (items: readonly string[]) => {
      const phases: Phase[] = [];
      const done = withPhases(
        (phase) => phases.push(phase),
        () => outcomes(pool, open, items),
      );
      return { phases, done };
    };
    const [one, other] = [asked(['a', 'bb']), asked(['ccc'])];
    await Promise.all([one.done, other.done]);
    expect(batches).toEqual([3]);
    for (const [{ phases }, items] of [[one, 2] as const, [other, 1] as const]) {
      expect(phases.map(({ name, sizes }) => ({ name, sizes }))).toEqual([
        { name: 'queue', sizes: { items } },
        { name: 'infer', sizes: { items, 'run.items': 3, 'run.tokens': 9 } },
      ]);
      const [queue, infer] = phases;
      expect(queue!.end).toBeGreaterThanOrEqual(queue!.start);
      expect(infer!.start).toBeGreaterThanOrEqual(queue!.end);
      expect(infer!.end).toBeGreaterThan(infer!.start);
    }
  });

  it('keeps runs within the token budget', async () => {
    const { all, batches } = await fakePool({ batchTokens: 9 }); // a text of up to 4 characters counts as 3 tokens
    expect(await all(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(batches).toEqual([3, 3, 1]);
  });

  it('goes on after kill -9 in the middle of a run, and nobody notices', async () => {
    const { pool, all, counts } = await fakePool();
    const result = all(['wait', 'ab']);
    setTimeout(() => {
      process.kill(pool.pids[0]!, 'SIGKILL');
    }, 50);
    expect(await result).toEqual([4, 2]);
    expect(counts).toMatchObject({ restarts: 1, quarantined: 0 });
  });

  it('finds the item that kills its process, refuses it from then on, and computes all others', async () => {
    const { all, counts } = await fakePool();
    const items = [...texts(9), 'poison', ...texts(6)];
    expect(await all(items)).toEqual(items.map((item) => (item === 'poison' ? 'ITEM_QUARANTINED' : item.length)));
    expect(counts.quarantined).toBe(1);
    const { restarts } = counts;
    expect(await all(['poison', 'fine'])).toEqual(['ITEM_QUARANTINED', 4]);
    expect(counts.restarts).toBe(restarts);
  });

  it('computes an item that memory was short for when its term is over, and keeps one that kills again away for longer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fungi-pool-'));
    try {
      let now = 0;
      const { all, counts } = await fakePool({ now: () => now, maxWaitMs: 1e9 });
      const enough = join(folder, 'memory');
      const innocent = `starved until ${enough}`;
      expect(await all([innocent, 'poison'])).toEqual(['ITEM_QUARANTINED', 'ITEM_QUARANTINED']);
      const { restarts } = counts;
      now += 59_000;
      expect(await all([innocent, 'poison'])).toEqual(['ITEM_QUARANTINED', 'ITEM_QUARANTINED']);
      expect(counts.restarts).toBe(restarts);

      await writeFile(enough, '');
      now += 2000;
      expect(await all([innocent, 'poison'])).toEqual([innocent.length, 'ITEM_QUARANTINED']);
      expect(counts).toMatchObject({ quarantined: 3 });
      const after = counts.restarts;
      now += 61_000; // its second term is twice as long
      expect(await all(['poison'])).toEqual(['ITEM_QUARANTINED']);
      expect(counts.restarts).toBe(after);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 90_000);

  it('kills a process that hangs', async () => {
    const { all, counts } = await fakePool({ runLimitMs: 1500 });
    expect(await all(['hang', 'fine'])).toEqual(['ITEM_QUARANTINED', 4]);
    expect(counts.restarts).toBeGreaterThanOrEqual(2);
  }, 30_000);

  it('tells an item that cannot be computed from those beside it', async () => {
    const { all, counts } = await fakePool();
    expect(await all(['a', 'ill', 'bcd'])).toEqual([1, 'INVALID_TEXT', 3]);
    expect(counts.restarts).toBe(0);
  });

  it('fails what a model that kills every process was to compute, and serves the rest', async () => {
    const { pool, all } = await fakePool();
    await expect(pool.open(source('fatal'))).rejects.toMatchObject({ code: 'WORKER_FAILED' });
    expect(await all(['fine'])).toEqual([4]);
  });

  it('tries again when a process dies while it opens the model, and not for ever', async () => {
    const { pool, all } = await fakePool();
    const folder = await mkdtemp(join(tmpdir(), 'fungi-pool-'));
    try {
      const key = `fatal at first ${join(folder, 'was here')}`;
      const open = { source: source(key), info: (await pool.open(source())).info };
      expect(await outcomes(pool, open, ['abc'])).toEqual([3]);
      expect(await outcomes(pool, { ...open, source: source('fatal') }, ['abc'])).toEqual(['WORKER_FAILED']);
      expect(await all(['ab'])).toEqual([2]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('refuses what does not fit the queue, and says when to come again', async () => {
    const { pool, open, counts } = await fakePool({ queueTokens: 6 });
    const held = [pool.featurize(open, 'wait', 'query')];
    await new Promise((resolve) => setTimeout(resolve, 20)); // it is being computed now, and waits no more
    held.push(pool.featurize(open, 'a', 'query'), pool.featurize(open, 'b', 'query'));
    await expect(pool.featurize(open, 'c', 'query')).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: { reason: 'full', retryAfterMs: expect.any(Number) as number },
    });
    expect(counts.shed).toEqual(['full']);
    const features = await Promise.all(held);
    expect(features.map(({ vector }) => vector[0])).toEqual([4, 1, 1]);
  });

  it('refuses a query that waited too long, before its run', async () => {
    let now = 0;
    const { pool, open } = await fakePool({ maxWaitMs: 1000, now: () => now });
    const first = pool.featurize(open, 'wait', 'query');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const late = pool.featurize(open, 'late', 'query');
    const refused = expect(late).rejects.toMatchObject({ code: 'OVERLOADED', details: { reason: 'late' } });
    now = 1001;
    expect((await first).vector[0]).toBe(4);
    await refused;
  });

  it('drops what nobody waits for any more', async () => {
    const { pool, open, batches } = await fakePool();
    const first = pool.featurize(open, 'wait', 'query');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const controller = new AbortController();
    const left = pool.featurize(open, 'left', 'query', controller.signal);
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: 'ABORTED' });
    expect(pool.waiting).toEqual({ items: 0, tokens: 0 });
    await first;
    expect(batches).toEqual([1]);
  });

  it('refuses what waits when it is closed', async () => {
    const { pool, open } = await fakePool();
    const first = pool.featurize(open, 'wait', 'query');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const waiting = pool.featurize(open, 'a', 'query');
    const all = Promise.allSettled([first, waiting]);
    await pool.close();
    expect((await all).map((each) => each.status === 'rejected' && (each.reason as { code: string }).code)).toEqual([
      'WORKER_FAILED',
      'NOT_READY',
    ]);
  });
});
