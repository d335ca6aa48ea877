/** Maximal marginal relevance against the definition, computed anew at each step. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mmr } from '../../src/policies/mmr.js';

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
};

function byDefinition(query: Float32Array, rows: readonly Float32Array[], k: number, lambda: number): number[] {
  const chosen: number[] = [];
  while (chosen.length < Math.min(k, rows.length)) {
    const score = (i: number): number => {
      const penalty = chosen.length === 0 ? 0 : Math.max(...chosen.map((s) => cosine(rows[i]!, rows[s]!)));
      return lambda * cosine(query, rows[i]!) - (1 - lambda) * penalty;
    };
    const left = rows.map((_, i) => i).filter((i) => !chosen.includes(i));
    chosen.push(left.reduce((best, i) => (score(i) > score(best) + 1e-12 ? i : best)));
  }
  return chosen;
}

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));

describe('mmr', () => {
  it('is its definition', () => {
    const vector = fc
      .array(fc.integer({ min: -4, max: 4 }), { minLength: 3, maxLength: 3 })
      .map((v) => Float32Array.from(v));
    fc.assert(
      fc.property(
        vector,
        fc.array(vector, { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 1, max: 10 }),
        fc.constantFrom(0.2, 0.5, 0.8, 1),
        (query, rows, k, lambda) => {
          const chosen = mmr(query, flat(rows), { k, lambda });
          expect(new Set(chosen).size).toBe(Math.min(k, rows.length));
          expect(chosen).toEqual(byDefinition(query, rows, k, lambda));
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });

  it('takes no copy of what it has before something else', () => {
    const rows = [Float32Array.of(1, 0), Float32Array.of(1, 0), Float32Array.of(0.6, 0.8)];
    expect(mmr(Float32Array.of(1, 0.1), flat(rows), { k: 2 })).toEqual([0, 2]);
    expect(mmr(Float32Array.of(1, 0.1), flat(rows), { k: 2, lambda: 1 })).toEqual([0, 1]);
  });

  it.each([
    [{ k: 0 }, 'k must be a positive integer, got 0'],
    [{ k: 1, lambda: 1.5 }, 'lambda must be from 0 to 1, got 1.5'],
    [{ k: 1, lambda: NaN }, 'lambda must be from 0 to 1, got NaN'],
  ])('refuses %o', (options, message) => {
    expect(() => mmr(Float32Array.of(1), Float32Array.of(1), options)).toThrow(message);
  });
});
