import { describe, expect, it } from 'vitest';

import { Rng } from '../../../src/core/rng.js';
import { bootstrapMean, pairedBootstrap } from '../../../src/eval/measures/intervals.js';

const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
const times = (count: number, value: number): number[] => Array<number>(count).fill(value);

/** A's and B's correctness on items of which so many both, only A, only B and neither got right. */
function outcomes(both: number, onlyA: number, onlyB: number, neither: number): { a: number[]; b: number[] } {
  return {
    a: [...times(both, 1), ...times(onlyA, 1), ...times(onlyB, 0), ...times(neither, 0)],
    b: [...times(both, 1), ...times(onlyA, 0), ...times(onlyB, 1), ...times(neither, 0)],
  };
}

describe('bootstrapMean', () => {
  // The ideal bootstrap of k right of n is Binomial(n, k/n)/n: scipy 1.17.1 binom.ppf([.025, .975], n, k/n)/n. 2,000 resamples
  // find its ends with a standard error of 0.0015 (n = 200) and 0.001 (n = 500); 0.0055 is more than three of them, one step of 1/200 included.
  it.each([
    [170, 200, 0.8, 0.9],
    [418, 500, 0.802, 0.868],
  ])('brackets the accuracy %d/%d as its exact distribution does', (right, n, low, high) => {
    const interval = bootstrapMean([[...times(right, 1), ...times(n - right, 0)]], Rng.stream(0, 'test'));
    expect(Math.abs(interval.low - low)).toBeLessThan(0.0055);
    expect(Math.abs(interval.high - high)).toBeLessThan(0.0055);
  });

  it('takes booleans as 0 and 1', () => {
    const numbers = bootstrapMean([[1, 0, 1, 1]], Rng.stream(5));
    expect(bootstrapMean([[true, false, true, true]], Rng.stream(5))).toEqual(numbers);
  });

  it('repeats with the seed', () => {
    const scores = Array.from({ length: 101 }, (_, i) => Math.sin(i));
    expect(bootstrapMean([scores], Rng.stream(1))).toEqual(bootstrapMean([scores], Rng.stream(1)));
    expect(bootstrapMean([scores], Rng.stream(1))).not.toEqual(bootstrapMean([scores], Rng.stream(2)));
  });

  it('covers the true accuracy in about 95 of 100 samples', () => {
    let covered = 0;
    for (let trial = 0; trial < 400; trial++) {
      const rng = Rng.stream(trial, 'coverage');
      const { low, high } = bootstrapMean([Array.from({ length: 150 }, () => rng.float() < 0.7)], rng, 400);
      if (low <= 0.7 && 0.7 <= high) covered++;
    }
    // Standard error of a 95 % share over 400 trials: 1.1 points.
    expect(covered / 400).toBeGreaterThan(0.91);
    expect(covered / 400).toBeLessThan(0.985);
  });

  it('has what differs from run to run alone in it, as a t of as many degrees of freedom', () => {
    // Four runs right on 0, 1/3, 2/3 and all of the items: their mean over items is 1/2 for whoever draws items only. The standard
    // error over runs is √(5/27)/2, and scipy 1.17.1 has stats.t.ppf(0.975, 3) = 3.18245.
    const runs = [0, 1 / 3, 2 / 3, 1].map((score) => times(50, score));
    const { low, high } = bootstrapMean(runs, Rng.stream(0, 'runs'), 20_000);
    const expected = (3.18245 * Math.sqrt(5 / 27)) / 2;
    expect(Math.abs(low - (0.5 - expected))).toBeLessThan(0.03);
    expect(Math.abs(high - (0.5 + expected))).toBeLessThan(0.03);
  });

  it('is as wide for equal runs as for one of them', () => {
    const run = [...times(170, 1), ...times(30, 0)];
    const { low, high } = bootstrapMean([run, run, run], Rng.stream(0, 'test'));
    expect(Math.abs(low - 0.8)).toBeLessThan(0.0055);
    expect(Math.abs(high - 0.9)).toBeLessThan(0.0055);
  });

  it('refuses runs over other items', () => {
    expect(() => bootstrapMean([[1, 0], [1]], Rng.stream(0))).toThrow(invalid);
  });

  it('refuses no items', () => {
    expect(() => bootstrapMean([], Rng.stream(0))).toThrow(invalid);
    expect(() => bootstrapMean([[]], Rng.stream(0))).toThrow(invalid);
  });
});

describe('pairedBootstrap', () => {
  it('agrees with scipy on the difference of two accuracies', () => {
    // scipy 1.17.1 stats.bootstrap((b − a,), mean, method="percentile", n_resamples=200000): [0.01, 0.155]. Means are
    // multiples of 1/200, so 0.0075 allows one step and a half.
    const { a, b } = outcomes(120, 20, 36, 24);
    const { difference, low, high } = pairedBootstrap([a], [b], Rng.stream(0, 'test'));
    expect(difference).toBeCloseTo(0.08, 12);
    expect(Math.abs(low - 0.01)).toBeLessThan(0.0075);
    expect(Math.abs(high - 0.155)).toBeLessThan(0.0075);
  });

  it('is a point at zero for a method against itself', () => {
    const { a } = outcomes(3, 4, 5, 6);
    expect(pairedBootstrap([a], [a], Rng.stream(0))).toEqual({ difference: 0, low: 0, high: 0 });
  });

  it('keeps pairs together: what both find easy widens nothing', () => {
    const { a, b } = outcomes(50, 0, 0, 50);
    b[0] = 0;
    const { low, high } = pairedBootstrap([a], [b], Rng.stream(0));
    expect(high - low).toBeLessThan(0.05);
  });

  it('draws the same runs for both methods: what runs have in common cancels', () => {
    const hard = times(40, 0);
    const easy = times(40, 1);
    const nearly = [...times(39, 1), 0];
    // The runs differ by all there is, the methods by one item of one run.
    const { difference, low, high } = pairedBootstrap([hard, nearly], [hard, easy], Rng.stream(0));
    expect(difference).toBeCloseTo(1 / 80, 12);
    expect(low).toBe(0);
    expect(high).toBeLessThan(0.1);
  });

  it('refuses other items', () => {
    expect(() => pairedBootstrap([[1]], [[1, 0]], Rng.stream(0))).toThrow(invalid);
    expect(() => pairedBootstrap([[1]], [[1], [0]], Rng.stream(0))).toThrow(invalid);
    expect(() => pairedBootstrap([], [], Rng.stream(0))).toThrow(invalid);
  });
});
