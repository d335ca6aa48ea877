/**
 * What the tests for a difference between selectors promise: equal selectors are called different at 5 % in about 5 of 100 comparisons,
 * and a gap worth having is found. Seeded: a failure is a change of the code, not bad luck.
 */
import { describe, expect, it } from 'vitest';

import { Rng } from '../../../src/core/rng.js';
import { pairedBootstrap } from '../../../src/eval/measures/intervals.js';
import { discordantPairs, mcnemar, pairedBootstrapTest } from '../../../src/eval/measures/significance.js';

const TRIALS = 200;
const QUERIES = 1000;

type Test = (a: readonly boolean[], b: readonly boolean[], trial: number) => boolean;

/** For one seed: no resampling, and of the right size from few discordant pairs on. */
const midP: Test = (a, b) => mcnemar(discordantPairs(a, b), { midP: true }).p < 0.05;

/** For several seeds, or scores that are not right or wrong; here with one run, and a fifth of the default's resamples. */
const bootstrap: Test = (a, b, trial) => {
  const { low, high } = pairedBootstrap([a], [b], Rng.stream(trial, 'resamples'), 400);
  return low > 0 || high < 0;
};

/** Share of trials in which `test` calls two selectors with independent errors different. */
function calledDifferent(test: Test, { a, b }: { readonly a: number; readonly b: number }): number {
  let called = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const rng = Rng.stream(trial, 'calibration');
    const answers = (accuracy: number): boolean[] => Array.from({ length: QUERIES }, () => rng.float() < accuracy);
    if (test(answers(a), answers(b), trial)) called++;
  }
  return called / TRIALS;
}

describe.each([
  ['mid-p McNemar', midP, [0.8, 0.97]],
  ['paired bootstrap', bootstrap, [0.8]],
] as const)('%s', (_, test, accuracies) => {
  // 5 % of 200 trials with a standard error of 1.5 points.
  it.each(accuracies)('calls two selectors of accuracy %d different in about 5 of 100 trials', (accuracy) => {
    const share = calledDifferent(test, { a: accuracy, b: accuracy });
    expect(share).toBeGreaterThanOrEqual(0.01);
    expect(share).toBeLessThanOrEqual(0.08);
  });

  // Independent errors at 80 and 85 %: 170 against 120 of 1,000 queries, z = 2.95, a power of 84 %.
  it('finds a gap of 5 points', () => {
    expect(calledDifferent(test, { a: 0.8, b: 0.85 })).toBeGreaterThanOrEqual(0.75);
  });
});

describe('seeds that shift a whole run', () => {
  /** Gains of a selector that is right as often on average, but under each seed a little better or worse on all queries. */
  function gains(rng: Rng, seeds: number): number[][] {
    const usual = Array.from({ length: 500 }, () => (rng.float() < 0.1 ? 1 : rng.float() < 1 / 9 ? -1 : 0));
    return Array.from({ length: seeds }, () => {
      const shift = 0.06 * (rng.float() - 0.5); // a standard deviation of 1.7 points, beside 2 of the queries
      return usual.map((gain) => (rng.float() < Math.abs(shift) ? Math.sign(shift) : gain));
    });
  }

  it.each([2, 3, 5])('%i of them are not taken for more than they are', (seeds) => {
    let called = 0;
    for (let trial = 0; trial < TRIALS; trial++) {
      const runs = gains(Rng.stream(trial, 'shifted', seeds), seeds);
      const none = runs.map((run) => run.map(() => 0));
      const { p } = pairedBootstrapTest(none, runs, Rng.stream(trial, 'resamples'), 400);
      if (p < 0.05) called++;
    }
    expect(called / TRIALS).toBeLessThanOrEqual(0.08);
    expect(called / TRIALS).toBeGreaterThanOrEqual(0.005);
  });
});

describe('the same queries under several seeds', () => {
  /** What a selector gets right under most seeds, 95 of 100 times: seeds repeat each other, as they do where most of a method is fixed. */
  function runs(rng: Rng, seeds: number): boolean[][] {
    const usual = Array.from({ length: 300 }, () => rng.float() < 0.8);
    return Array.from({ length: seeds }, () => usual.map((right) => (rng.float() < 0.05 ? !right : right)));
  }

  it('are for the bootstrap, which draws queries; McNemar would take them for as many queries more', () => {
    let [bySeedsAndQueries, pooled] = [0, 0];
    for (let trial = 0; trial < TRIALS; trial++) {
      const rng = Rng.stream(trial, 'seeds');
      const [a, b] = [runs(rng, 3), runs(rng, 3)];
      const { low, high } = pairedBootstrap(a, b, Rng.stream(trial, 'resamples'), 300);
      if (low > 0 || high < 0) bySeedsAndQueries++;
      if (midP(a.flat(), b.flat(), trial)) pooled++;
    }
    expect(bySeedsAndQueries / TRIALS).toBeGreaterThanOrEqual(0.01);
    expect(bySeedsAndQueries / TRIALS).toBeLessThanOrEqual(0.08);
    expect(pooled / TRIALS).toBeGreaterThan(0.15);
  });
});
