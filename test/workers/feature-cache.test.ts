import { describe, expect, it } from 'vitest';
import { FeatureCache } from '../../src/workers/feature-cache.js';
import type { ItemFeature } from '../../src/workers/model-pool.js';

const feature = (value: number): ItemFeature => ({ vector: Float32Array.of(value), truncated: false });

/** A cache, and computations that end when they are told to. */
function setUp(maxBytes = 1e6) {
  const cache = new FeatureCache(maxBytes);
  const started: { resolve: (value: ItemFeature) => void; reject: (error: Error) => void; signal: AbortSignal }[] = [];
  const get = (item: string, signal?: AbortSignal, source = 's'): Promise<ItemFeature> =>
    cache.get(source, item, signal, (given) => {
      return new Promise((resolve, reject) => {
        started.push({ resolve, reject, signal: given });
      });
    });
  return { cache, started, get };
}

describe('the feature cache', () => {
  it('computes what is asked for twice at once one time, and not again later', async () => {
    const { cache, started, get } = setUp();
    const both = Promise.all([get('a'), get('a')]);
    expect(started).toHaveLength(1);
    started[0]!.resolve(feature(1));
    expect((await both).map(({ vector }) => vector[0])).toEqual([1, 1]);
    expect((await get('a')).vector[0]).toBe(1);
    expect([started.length, cache.hits]).toEqual([1, 1]);
  });

  it('tells sources apart', async () => {
    const { started, get } = setUp();
    const first = get('a', undefined, 's');
    const second = get('a', undefined, 't');
    started.forEach(({ resolve }, i) => {
      resolve(feature(i));
    });
    expect([(await first).vector[0], (await second).vector[0]]).toEqual([0, 1]);
  });

  it('keeps no failure', async () => {
    const { started, get } = setUp();
    const failed = get('a');
    started[0]!.reject(new Error('no'));
    await expect(failed).rejects.toThrow('no');
    const again = get('a');
    started[1]!.resolve(feature(2));
    expect((await again).vector[0]).toBe(2);
  });

  it('gives work up when the last who waits has left, and not before', async () => {
    const { started, get } = setUp();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = get('a', one.signal);
    const second = get('a', two.signal);
    one.abort();
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
    expect(started[0]!.signal.aborted).toBe(false);
    two.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    expect(started[0]!.signal.aborted).toBe(true);
    const third = get('a');
    started[0]!.reject(new Error('given up'));
    started[1]!.resolve(feature(3));
    expect((await third).vector[0]).toBe(3);
  });

  it('forgets what was not used for longest', async () => {
    const { started, get } = setUp(3 * 204);
    for (const item of ['a', 'b', 'c']) {
      const got = get(item);
      started.at(-1)!.resolve(feature(0));
      await got;
    }
    await get('a');
    const fresh = get('d');
    started.at(-1)!.resolve(feature(0));
    await fresh;
    await Promise.all([get('a'), get('c'), get('d')]);
    expect(started).toHaveLength(4);
    void get('b');
    expect(started).toHaveLength(5);
  });
});
