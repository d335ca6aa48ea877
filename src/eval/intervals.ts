/** How sure a measured share is: 95 % intervals, and tests on the same items under two methods. */
import { quantileSorted } from 'simple-statistics';

import { FungiError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';

/** The ends of a 95 % interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What method B gains over method A on the same items. */
export interface PairedDifference extends Interval {
  /** Mean of B minus mean of A. */
  readonly difference: number;
}

/** McNemar's test on the items that only one of two methods got right. */
export interface McNemar {
  readonly onlyA: number;
  readonly onlyB: number;
  /** Exact two-sided p-value of "a discordant item is as likely A's as B's"; 1 when there is none. */
  readonly p: number;
}

/** One value an item [n]; booleans count as 0 and 1. */
export type Scores = ArrayLike<number | boolean>;

const ALPHA = 0.05;
/** The standard normal's quantile at 1 − ALPHA/2. */
const Z = 1.959963984540054;
const RESAMPLES = 2000;

/**
 * Percentile bootstrap interval of a mean: items are drawn anew with replacement, and the interval holds the middle 95 % of
 * the means so found (Efron & Tibshirani 1993, §13.3). For an accuracy, give the items' correctness.
 *
 * @param scores one value an item, 0 or 1 for an accuracy
 * @throws {FungiError} INVALID_ARGUMENT when there are no values
 */
export function bootstrapMean(scores: Scores, rng: Rng, resamples: number = RESAMPLES): Interval {
  const values = Float64Array.from(scores, Number);
  const n = values.length;
  if (n === 0) throw new FungiError('INVALID_ARGUMENT', 'an interval needs at least one item');
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    // Not rng.int: it costs five times as much to remove a bias of n/2³².
    for (let i = 0; i < n; i++) sum += values[Math.floor(rng.float() * n)]!;
    means[r] = sum / n;
  }
  const sorted = Array.from(means.sort());
  return { low: quantileSorted(sorted, ALPHA / 2), high: quantileSorted(sorted, 1 - ALPHA / 2) };
}

/**
 * Difference of two methods' means over the same items, with its percentile bootstrap interval. Resampling items rather than
 * scores keeps each pair together, so that what both methods find easy cancels.
 *
 * @param a method A's scores
 * @param b method B's scores
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function pairedBootstrap(a: Scores, b: Scores, rng: Rng, resamples: number = RESAMPLES): PairedDifference {
  assertPairs(a, b);
  const gains = Float64Array.from(b, (score, i) => Number(score) - Number(a[i]));
  const difference = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  return { difference, ...bootstrapMean(gains, rng, resamples) };
}

/**
 * Wilson's score interval of a share (Wilson 1927): no seed, no resampling, and sensible at 0 and 1, where the bootstrap
 * collapses to a point.
 *
 * @throws {FungiError} INVALID_ARGUMENT unless 0 ≤ successes ≤ n, n ≥ 1, both whole
 */
export function wilson(successes: number, n: number): Interval {
  if (!Number.isSafeInteger(successes) || !Number.isSafeInteger(n) || n < 1 || successes < 0 || successes > n) {
    throw new FungiError('INVALID_ARGUMENT', `not a count out of a total: ${successes} of ${n}`);
  }
  const share = successes / n;
  const centre = share + Z ** 2 / (2 * n);
  const spread = Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  const scale = 1 + Z ** 2 / n;
  return {
    low: successes === 0 ? 0 : (centre - spread) / scale,
    high: successes === n ? 1 : (centre + spread) / scale,
  };
}

/**
 * Exact McNemar test of two methods' correctness on the same items (McNemar 1947): a two-sided binomial test of the
 * discordant items against ½.
 *
 * @param a whether method A is right on each item
 * @param b whether method B is
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function mcnemar(a: Scores, b: Scores): McNemar {
  assertPairs(a, b);
  let onlyA = 0;
  let onlyB = 0;
  for (let i = 0; i < a.length; i++) {
    const lead = Number(b[i]) - Number(a[i]);
    if (lead < 0) onlyA++;
    if (lead > 0) onlyB++;
  }
  return { onlyA, onlyB, p: Math.min(1, 2 * fairCoinTail(Math.min(onlyA, onlyB), onlyA + onlyB)) };
}

/** P(X ≤ k) of X ~ Binomial(n, ½), summed from its logarithms, since 2⁻ⁿ underflows beyond n = 1074. */
function fairCoinTail(k: number, n: number): number {
  let logTerm = -n * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i);
    tail += Math.exp(logTerm);
  }
  return tail;
}

function assertPairs(a: Scores, b: Scores): void {
  if (a.length !== b.length) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `methods must be compared on the same items: ${a.length} against ${b.length}`,
    );
  }
  if (a.length === 0) throw new FungiError('INVALID_ARGUMENT', 'a comparison needs at least one item');
}
