/** How sure a measured share is: 95 % intervals of one method, and of what another gains over it. */
import { quantileSorted } from 'simple-statistics';

import { FungiError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';

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

/** One value an item [n]; booleans count as 0 and 1. */
export type Scores = ArrayLike<number | boolean>;

const ALPHA = 0.05;
/** The standard normal's quantile at 1 − ALPHA/2. */
const Z = 1.959963984540054;
const RESAMPLES = 2000;

/**
 * Percentile bootstrap interval of a mean over runs and items: both are drawn anew with replacement, and the interval holds the middle
 * 95 % of the means so found (Efron & Tibshirani 1993, §13.3; Owen 2007 for runs crossed with items: each draw of items serves all
 * drawn runs, since all runs met the same items). One run gives the plain bootstrap over items. Few runs understate how much runs
 * vary: S of them show (S − 1)/S of the variance.
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
  // Not rng.int: it costs five times as much to remove a bias of n/2³².
  const draw = (count: number): number => Math.floor(rng.float() * count);
  // All runs meet the same items, so the drawn runs are added up once and not for each item drawn.
  const added = new Float64Array(n);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    const scores = S === 1 ? values[0]! : addUp(added, values, () => draw(S));
    let sum = 0;
    for (let i = 0; i < n; i++) sum += scores[draw(n)]!;
    means[r] = sum / (n * S);
  }
  return means;
}

/** As many runs as there are, each the one drawn, into `out` [n]. */
function addUp(out: Float64Array, runs: readonly Float64Array[], draw: () => number): Float64Array {
  out.fill(0);
  for (let s = 0; s < runs.length; s++) {
    const run = runs[draw()]!;
    for (let i = 0; i < out.length; i++) out[i]! += run[i]!;
  }
  return out;
}

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

function assertPairs(a: { readonly length: number }, b: { readonly length: number }): void {
  if (a.length !== b.length) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `methods must be compared on the same items: ${a.length} against ${b.length}`,
    );
  }
  if (a.length === 0) throw new FungiError('INVALID_ARGUMENT', 'a comparison needs at least one item');
}
