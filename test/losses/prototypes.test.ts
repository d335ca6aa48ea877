import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { cluster, findPrototypes } from '../../src/losses/prototypes.js';

/** Unit-length rows [n,L]. */
function units(seed: number, count: number, width: number): Float32Array {
  const rows = Rng.stream(seed, 'latents').uniform(count * width, 1);
  for (let at = 0; at < rows.length; at += width) {
    const length = Math.hypot(...rows.subarray(at, at + width));
    for (let i = 0; i < width; i++) rows[at + i]! /= length;
  }
  return rows;
}

describe('cluster', () => {
  it('makes a prototype the mean of the points most similar to it, not brought to unit length', () => {
    const points = Float32Array.of(1, 0, 0.8, 0.6, 0, 1, -0.6, 0.8);
    // From the first and the third point: {0, 1} and {2, 3}.
    const expected = [0.9, 0.3, -0.3, 0.9];
    Array.from(cluster(points, 2, [0, 2], 1)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 6);
    });
  });

  it('gives a tie to the first, and leaves a prototype without points where it was', () => {
    const points = Float32Array.of(1, 0, 1, 0, 0, 1);
    expect([...cluster(points, 2, [0, 1], 1)]).toEqual([...[2 / 3, 1 / 3].map(Math.fround), 1, 0]);
  });

  it('starts at points, and stays there without updates', () => {
    const points = units(1, 9, 3);
    expect([...cluster(points, 3, [4, 0], 0)]).toEqual([...points.subarray(12, 15), ...points.subarray(0, 3)]);
  });
});

describe('findPrototypes', () => {
  const [latent, globals, sets] = [3, 2, 3];

  it('finds set s with crop s mod G of every item, from other points', () => {
    const latents = units(2, 40, latent); // 20 items
    const found = findPrototypes(Rng.stream(5, 'prototypes'), latents, { latent, globals, sets, prototypes: 4 });
    const rng = Rng.stream(5, 'prototypes');
    found.forEach((columns, set) => {
      const points = Float32Array.from({ length: 60 }, (_, at) => latents[(Math.floor(at / 3) * 2 + (set % 2)) * 3 + (at % 3)]!); // prettier-ignore
      const rows = cluster(points, latent, rng.sample(20, 4), 10);
      expect([...columns]).toEqual(Array.from({ length: 12 }, (_, at) => rows[(at % 4) * 3 + Math.floor(at / 4)]!));
    });
    expect([...found[0]!]).not.toEqual([...found[2]!]);
  });

  it('gives as many prototypes as asked for, none longer than a latent, the same again for the same seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), fc.nat(1000), (items, extra, seed) => {
        const prototypes = 1 + (extra % items);
        const latents = units(seed, items * globals, latent);
        const find = (): Float32Array[] =>
          findPrototypes(Rng.stream(seed), latents, { latent, globals, sets, prototypes, iterations: 3 });
        const found = find();
        expect(found.map(({ length }) => length)).toEqual([1, 2, 3].map(() => latent * prototypes));
        for (const set of found) {
          for (let k = 0; k < prototypes; k++) {
            const column = set.filter((_, at) => at % prototypes === k);
            expect(Math.hypot(...column)).toBeLessThan(1 + 1e-6);
          }
        }
        expect(find()).toEqual(found);
      }),
    );
  });

  it('refuses more prototypes than items', () => {
    const find = (): unknown =>
      findPrototypes(Rng.stream(1), units(1, 8, latent), { latent, globals, sets, prototypes: 5 });
    expect(find).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: 'DeepCluster: 5 prototypes from 4 items' }) as Error); // prettier-ignore
  });
});
