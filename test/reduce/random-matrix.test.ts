/** Random entries have the moments that their definition says, and are the same whenever they are drawn. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { ENTRIES, randomEntries, type Entries } from '../../src/reduce/random-matrix.js';

const COUNT = 200_000;
const DIMS = 64; // density 1/8, values ±√8
const mean = (values: ArrayLike<number>, f: (x: number) => number): number =>
  Array.from(values).reduce((sum, x) => sum + f(x), 0) / values.length;

/** E x⁴: 1 of signs, 3 of normal numbers, s = √d of sparse ones. */
const FOURTH: Record<Entries, number> = { binary: 1, gaussian: 3, sparse: Math.sqrt(DIMS) };

describe.each(ENTRIES)('%s entries', (entries) => {
  const drawn = randomEntries(entries, 7, ['moments'], COUNT, DIMS);

  it('have mean 0, variance 1 and the fourth moment of their distribution', () => {
    expect(Math.abs(mean(drawn, (x) => x))).toBeLessThan(5 / Math.sqrt(COUNT));
    const error = 5 * Math.sqrt(FOURTH[entries] / COUNT);
    expect(Math.abs(mean(drawn, (x) => x * x) - 1)).toBeLessThan(error);
    expect(Math.abs(mean(drawn, (x) => x ** 4) / FOURTH[entries] - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean(drawn, (x) => x ** 3))).toBeLessThan(0.1);
  });

  it('follow one another independently', () => {
    const shifted = drawn.subarray(1);
    const product = shifted.reduce((sum, x, i) => sum + x * drawn[i]!, 0) / (COUNT - 1);
    expect(Math.abs(product)).toBeLessThan(5 / Math.sqrt(COUNT));
  });

  it('depend on seed and name alone; more of them begin with the same', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.string(),
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: 5000 }),
        (seed, name, count, dims) => {
          const once = randomEntries(entries, seed, [name], count, dims);
          expect(once).toHaveLength(count);
          expect(randomEntries(entries, seed, [name], count, dims)).toEqual(once);
          const even = count - (count % 32);
          expect(randomEntries(entries, seed, [name], count + 32, dims).subarray(0, even)).toEqual(
            once.subarray(0, even),
          );
        },
      ),
      { numRuns: 50 },
    );
    expect(randomEntries(entries, 8, ['moments'], 100, 4)).not.toEqual(randomEntries(entries, 7, ['moments'], 100, 4));
    expect(randomEntries(entries, 7, ['other'], 100, 4)).not.toEqual(randomEntries(entries, 7, ['moments'], 100, 4));
  });

  it('keep inner products in expectation', () => {
    const rng = Rng.stream(3, 'vectors');
    const [a, b] = [rng.uniform(DIMS, 1), rng.uniform(DIMS, 1)];
    const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    const P = 20_000;
    let sum = 0;
    for (let p = 0; p < P; p++) {
      const row = randomEntries(entries, 1, ['row', p], DIMS, DIMS);
      sum += dot(row, a) * dot(row, b);
    }
    // Var[(r·a)(r·b)] ≤ ‖a‖²‖b‖²·(2 + the fourth moment) by Cauchy and Schwarz.
    const spread = Math.sqrt(dot(a, a) * dot(b, b) * ((2 + FOURTH[entries]) / P));
    expect(Math.abs(sum / P - dot(a, b))).toBeLessThan(5 * spread);
  });
});

describe('entries', () => {
  it('that are binary are the signs of the stream, as they always were', () => {
    expect(randomEntries('binary', 5, ['projection', 3], 1000, 9)).toEqual(Rng.stream(5, 'projection', 3).signs(1000));
  });

  it.each([1, 4, 64, 590_592])('that are sparse are ±⁴√d with density 1/√d, d = %d', (dims) => {
    const density = 1 / Math.sqrt(dims);
    const drawn = randomEntries('sparse', 2, ['density'], COUNT, dims);
    const there = drawn.filter((x) => x !== 0);
    expect(new Set(there.map(Math.abs))).toEqual(new Set([Math.fround(1 / Math.sqrt(density))]));
    const spread = Math.sqrt((density * (1 - density)) / COUNT);
    expect(Math.abs(there.length / COUNT - density)).toBeLessThanOrEqual(5 * spread);
    expect(Math.abs(mean(there, Math.sign))).toBeLessThan(5 / Math.sqrt(there.length));
  });

  it('that are Gaussian have the quantiles of the normal distribution', () => {
    const sorted = randomEntries('gaussian', 2, ['quantiles'], COUNT, 1).sort();
    for (const [share, quantile] of [
      [0.025, -1.95996],
      [0.158655, -1],
      [0.5, 0],
      [0.841345, 1],
      [0.99865, 3],
    ] as const)
      expect(Math.abs(sorted[Math.floor(share * COUNT)]! - quantile)).toBeLessThan(0.05);
  });
});
