import { describe, expect, it } from 'vitest';
import { FeatureCache } from '../../../src/encoders/audio/feature-cache.js';

/** Counts how often features are made. */
function counted(bytes: number) {
  const cache = new FeatureCache(bytes);
  const made: string[] = [];
  const get = (key: string): Promise<Float32Array> =>
    cache.get(key, () => {
      made.push(key);
      return Promise.resolve(new Float32Array(10));
    });
  return { get, made };
}

describe('the cache of features', () => {
  it('makes them once, also where they are asked for at the same time', async () => {
    const { get, made } = counted(1000);
    const [a, b] = await Promise.all([get('a'), get('a')]);
    expect(await get('a')).toBe(a);
    expect(b).toBe(a);
    expect(made).toEqual(['a']);
  });

  it('lets go of what was not used for longest', async () => {
    const { get, made } = counted(80); // two of 40 bytes
    await get('a');
    await get('b');
    await get('a');
    await get('c');
    await get('a');
    await get('b');
    expect(made).toEqual(['a', 'b', 'c', 'b']);
  });

  it('keeps no failure', async () => {
    const cache = new FeatureCache(1000);
    await expect(cache.get('a', () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(await cache.get('a', () => Promise.resolve(Float32Array.of(1)))).toEqual(Float32Array.of(1));
  });
});
