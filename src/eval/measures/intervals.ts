/** How sure a measured share is: 95 % intervals of one method, and of what another gains over it. */
import { quantileSorted } from 'simple-statistics';

import { FungiError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { Interval } from '../../core/wilson.js';

/** An interval of shares, which end at 0 and 1. */
export const ofShares = ({ low, high }: Interval): Interval => ({ low: Math.max(0, low), high: Math.min(1, high) });

/** What method B gains over method A on the same items. */
export interface PairedDifference extends Interval {
  /** Mean of B minus mean of A. */
  readonly difference: number;
}

/** One value an item [n]; booleans count as 0 and 1. */
export type Scores = ArrayLike<number | boolean>;

const ALPHA = 0.05;
const RESAMPLES = 2000;
/** What rounding leaves between runs that are alike; one right answer more of a million gives 1e-12. */
const ROUNDING = 1e-14;

/**
 * Bootstrap interval of a mean over runs and items, the middle 95 % of resampled means. Items are drawn anew with replacement, for all runs
 * alike, since all runs met the same items (Efron & Tibshirani 1993, §13.3). Runs are too few to be drawn so: S of them show (S − 1)/S of
 * how they vary, and that roughly. What they add is a t-variate of S − 1 degrees of freedom times the standard error that the variance
 * between runs gives (two-way layout, one value a cell). One run gives the plain bootstrap over items; two say little of further ones,
 * and the interval is as wide as that.
 *
 * @param runs for each run one value an item [S][n], 0 or 1 for an accuracy
 * @throws {FungiError} INVALID_ARGUMENT when there are no values, or the runs are of unequal length
 */
export function bootstrapMean(runs: readonly Scores[], rng: Rng, resamples: number = RESAMPLES): Interval {
  return middle(resampledMeans(runs, rng, resamples));
}

/**
 * The means that {@link bootstrapMean} takes its interval of.
 *
 * @param runs for each run one value an item [S][n]
 * @returns a mean for each resample, as drawn [R]
 * @throws {FungiError} INVALID_ARGUMENT when there are no values, or the runs are of unequal length
 */
export function resampledMeans(runs: readonly Scores[], rng: Rng, resamples: number): Float64Array {
  const S = runs.length;
  const n = runs[0]?.length ?? 0;
  if (n === 0) throw new FungiError('INVALID_ARGUMENT', 'an interval needs at least one item');
  runs.forEach((run) => {
    assertPairs(runs[0]!, run);
  });
  const values = runs.map((run) => Float64Array.from(run, Number));
  const items = new Float64Array(n);
  for (const run of values) for (let i = 0; i < n; i++) items[i]! += run[i]! / S;
  const spread = errorOfRuns(values, items);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    // Not rng.int: it costs five times as much to remove a bias of n/2³².
    for (let i = 0; i < n; i++) sum += items[Math.floor(rng.float() * n)]!;
    means[r] = sum / n + (spread === 0 ? 0 : spread * tVariate(S - 1, rng));
  }
  return means;
}

/**
 * Standard error of the mean over runs as far as runs differ as wholes: the variance between their means, less what the residuals of single
 * scores give it (those are in the items' part already).
 *
 * @param runs [S][n]
 * @param items means over runs [n]
 */
function errorOfRuns(runs: readonly Float64Array[], items: Float64Array): number {
  const [S, n] = [runs.length, items.length];
  if (S === 1 || n === 1) return 0;
  const means = runs.map((run) => run.reduce((sum, value) => sum + value, 0) / n);
  const grand = means.reduce((sum, value) => sum + value, 0) / S;
  const between = means.reduce((sum, value) => sum + (value - grand) ** 2, 0) / (S - 1);
  let residual = 0;
  runs.forEach((run, s) => {
    for (let i = 0; i < n; i++) residual += (run[i]! - items[i]! - means[s]! + grand) ** 2;
  });
  const variance = between - residual / ((S - 1) * (n - 1)) / n;
  return variance < ROUNDING ? 0 : Math.sqrt(variance / S);
}

/** Student's t: a normal variate over the root of a mean of squares of others. */
function tVariate(freedom: number, rng: Rng): number {
  let squares = 0;
  for (let i = 0; i < freedom; i++) squares += normal(rng) ** 2;
  return normal(rng) / Math.sqrt(squares / freedom);
}

/** Box & Muller (1958). */
const normal = (rng: Rng): number => Math.sqrt(-2 * Math.log(1 - rng.float())) * Math.cos(2 * Math.PI * rng.float());

/** The interval that holds the middle 95 % of resampled means [R]. */
export function middle(means: Float64Array): Interval {
  const sorted = Array.from(means.toSorted());
  return { low: quantileSorted(sorted, ALPHA / 2), high: quantileSorted(sorted, 1 - ALPHA / 2) };
}

/**
 * Difference of two methods' means over the same runs and items, with its percentile bootstrap interval. Resampling runs and items
 * rather than scores keeps each pair together, so that what both methods find easy cancels.
 *
 * @param a method A's scores [S][n]
 * @param b method B's scores in the same runs
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function pairedBootstrap(
  a: readonly Scores[],
  b: readonly Scores[],
  rng: Rng,
  resamples: number = RESAMPLES,
): PairedDifference {
  const gains = pairedGains(a, b);
  return { difference: meanOf(gains), ...bootstrapMean(gains, rng, resamples) };
}

/**
 * What B gains over A on each item of each run.
 *
 * @param a method A's scores [S][n]
 * @param b method B's scores in the same runs
 * @returns [S][n]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function pairedGains(a: readonly Scores[], b: readonly Scores[]): Float64Array[] {
  assertPairs(a, b);
  return b.map((run, s) => {
    assertPairs(a[s]!, run);
    return Float64Array.from(run, (score, i) => Number(score) - Number(a[s]![i]));
  });
}

/** Over runs of equal length. */
export function meanOf(runs: readonly Float64Array[]): number {
  const total = runs.reduce((sum, run) => sum + run.reduce((part, value) => part + value, 0), 0);
  return total / (runs.length * runs[0]!.length);
}

function assertPairs(a: { readonly length: number }, b: { readonly length: number }): void {
  if (a.length !== b.length) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `methods must be compared on the same items: ${a.length} against ${b.length}`,
    );
  }
  if (a.length === 0) throw new FungiError('INVALID_ARGUMENT', 'a comparison needs at least one item');
}
