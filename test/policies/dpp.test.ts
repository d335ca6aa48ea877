/** The fast greedy against determinants, computed anew for every set. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dppGains } from '../../src/policies/dpp.js';
import { chooseGreedily } from '../../src/policies/greedy.js';

/** By Gaussian elimination with pivots. */
function determinant(matrix: readonly (readonly number[])[]): number {
  const rows = matrix.map((row) => [...row]);
  let product = 1;
  for (let c = 0; c < rows.length; c++) {
    const pivot = rows
      .slice(c)
      .reduce((best, row, i) => (Math.abs(row[c]!) > Math.abs(rows[best]![c]!) ? c + i : best), c);
    if (rows[pivot]![c] === 0) return 0;
    if (pivot !== c) [rows[c], rows[pivot], product] = [rows[pivot]!, rows[c]!, -product];
    product *= rows[c]![c]!;
    for (let r = c + 1; r < rows.length; r++) {
      const factor = rows[r]![c]! / rows[c]![c]!;
      for (let j = c; j < rows.length; j++) rows[r]![j]! -= factor * rows[c]![j]!;
    }
  }
  return product;
}

const points = fc.array(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2, maxLength: 2 }), {
  minLength: 1,
  maxLength: 7,
});
const relevances = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 });

const kernel =
  (rows: readonly (readonly number[])[]) =>
  (i: number, j: number): number =>
    Math.exp(-rows[i]!.reduce((sum, value, d) => sum + (value - rows[j]![d]!) ** 2, 0));

/** log det of L over the set, L_ij = q_i·S_ij·q_j. */
function logVolume(
  set: readonly number[],
  relevance: readonly number[],
  s: (i: number, j: number) => number,
  theta: number,
): number {
  const alpha = theta / (2 * (1 - theta));
  const quality = (i: number): number => Math.exp(alpha * relevance[i]!);
  return Math.log(determinant(set.map((i) => set.map((j) => quality(i) * s(i, j) * quality(j)))));
}

const subsets = (n: number, k: number): number[][] =>
  k === 0 ? [[]] : Array.from({ length: n }, (_, last) => subsets(last, k - 1).map((set) => [...set, last])).flat();

describe('greedy MAP of a DPP', () => {
  it('adds at each step what makes the volume greatest', () => {
    fc.assert(
      fc.property(
        points,
        relevances,
        fc.constantFrom(0, 0.4, 0.7),
        fc.integer({ min: 1, max: 4 }),
        (rows, relevance, theta, k) => {
          const s = kernel(rows);
          const chosen = chooseGreedily(rows.length, k, dppGains(relevance.slice(0, rows.length), s, theta));
          for (const [step, pick] of chosen.entries()) {
            const before = chosen.slice(0, step);
            const volumes = rows.map((_, i) =>
              before.includes(i) ? -Infinity : logVolume([...before, i], relevance, s, theta),
            );
            const most = volumes.reduce((a, b) => Math.max(a, b));
            // Where points all but coincide, determinants are rounding.
            if (most > -15) expect(volumes[pick]).toBeGreaterThan(most - 1e-5);
          }
        },
      ),
      { numRuns: 500, seed: 1 },
    );
  });

  it('of candidates that are all apart, is the best set of all', () => {
    fc.assert(
      fc.property(relevances, fc.integer({ min: 1, max: 4 }), (relevance, k) => {
        const s = (i: number, j: number): number => Number(i === j);
        const chosen = chooseGreedily(7, k, dppGains(relevance, s, 0.5));
        const best = subsets(7, k).reduce((most, set) => Math.max(most, logVolume(set, relevance, s, 0.5)), -Infinity);
        expect(logVolume(chosen, relevance, s, 0.5)).toBeCloseTo(best, 8);
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  it('comes near the best set of small cases', () => {
    const ratios: number[] = [];
    fc.assert(
      fc.property(points, relevances, (rows, relevance) => {
        const k = Math.min(3, rows.length);
        const s = kernel(rows);
        const chosen = chooseGreedily(rows.length, k, dppGains(relevance.slice(0, rows.length), s, 0.5));
        const best = subsets(rows.length, k).reduce(
          (most, set) => Math.max(most, logVolume(set, relevance, s, 0.5)),
          -Infinity,
        );
        if (chosen.length === k && best > -15) ratios.push(logVolume(chosen, relevance, s, 0.5) - best);
      }),
      { numRuns: 300, seed: 3 },
    );
    expect(Math.max(...ratios)).toBeLessThan(1e-6);
    expect(ratios.filter((gap) => gap > -1e-6).length / ratios.length).toBeGreaterThan(0.6);
  });

  it('ends where nothing adds volume: a copy of what is there', () => {
    const s = kernel([
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
    expect(chooseGreedily(3, 3, dppGains([1, 1, 0.2], s, 0.5))).toEqual([0, 2]);
  });
});
