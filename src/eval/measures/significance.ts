/**
 * Whether a method is better than another on the same queries, or was lucky: McNemar's test for one run of right and wrong answers, the
 * paired bootstrap for several runs or other scores, and Holm's correction for several comparisons.
 */
import { binomialDistribution } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import { meanOf, middle, pairedGains, resampledMeans, type PairedDifference, type Scores } from './intervals.js';

/** Queries that just one of two methods got right; what both or neither got right says nothing of their difference. */
export interface DiscordantPairs {
  readonly onlyA: number;
  readonly onlyB: number;
}

export interface McNemarOptions {
  /**
   * Counts half of the probability of what was observed, which the exact test counts whole. That one errs on the safe side: at 5 % it
   * calls equal methods different in 2 to 4 of 100 comparisons, the mid-p in 4 to 5 (1,000 queries, accuracies of 99 to 80 %), which
   * finds more of the true differences too. Fagerland, Lydersen & Laake (2013) advise the mid-p.
   *
   * @default false
   */
  readonly midP?: boolean;
  /** Discordant pairs up to which the binomial distribution is summed. @default 200 */
  readonly exactUpTo?: number;
}

export interface McNemarResult extends DiscordantPairs {
  /** Two-sided. */
  readonly p: number;
  readonly test: 'exact' | 'mid-p' | 'chi-squared';
}

export interface BootstrapTest extends PairedDifference {
  /** Two-sided; at least 2/(resamples + 1). */
  readonly p: number;
}

/** Here chi-squared is within 2 % of the sum where p is above 0.01; far beyond, the logarithms that the sum is made of lose digits. */
const EXACT_UP_TO = 200;
/**
 * Resamples of a test, and the fewest where there are many scores. The least p is 2/10,001 with the first: ten comparisons corrected by Holm
 * can still be told from chance.
 */
const RESAMPLES = { most: 10_000, fewest: 2000 } as const;
/** Scores looked at in all, resamples times items times runs, up to which there are most: half a second. */
const MOST_SCORES = 2e8;

/**
 * @param a whether method A got each query right [n]
 * @param b method B, the same queries [n]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are of unequal length
 */
export function discordantPairs(a: ArrayLike<boolean>, b: ArrayLike<boolean>): DiscordantPairs {
  if (a.length !== b.length) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `methods must be compared on the same items: ${a.length} against ${b.length}`,
    );
  }
  let [onlyA, onlyB] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    if (a[i]! && !b[i]!) onlyA++;
    if (b[i]! && !a[i]!) onlyB++;
  }
  return { onlyA, onlyB };
}

/**
 * McNemar's test (McNemar 1947): were the methods equal, either would win a discordant pair with probability 1/2. Few pairs are held
 * against Binomial(pairs, 1/2), many against χ² of one degree of freedom: with Edwards' continuity correction, which follows the exact
 * test, or without it when the mid-p is asked for, which that follows.
 *
 * Queries must be independent: not for the same queries under several seeds, for which there is {@link pairedBootstrapTest}.
 *
 * @throws {FungiError} INVALID_ARGUMENT unless both are counts
 */
export function mcnemar(pairs: DiscordantPairs, options: McNemarOptions = {}): McNemarResult {
  const { onlyA, onlyB } = pairs;
  const { midP = false, exactUpTo = EXACT_UP_TO } = options;
  if (![onlyA, onlyB].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw new FungiError('INVALID_ARGUMENT', `not counts of discordant pairs: ${onlyA} and ${onlyB}`);
  }
  const n = onlyA + onlyB;
  // A table of more cells than simple-statistics makes does not come.
  const cells = n <= exactUpTo ? binomialDistribution(n, 0.5) : undefined;
  if (n === 0) return { onlyA, onlyB, p: 1, test: midP ? 'mid-p' : 'exact' };
  if (cells === undefined) {
    const distance = Math.max(0, Math.abs(onlyA - onlyB) - (midP ? 0 : 1));
    return { onlyA, onlyB, p: chiSquaredTail(distance ** 2 / n), test: 'chi-squared' };
  }
  const fewer = Math.min(onlyA, onlyB);
  const observed = cells[fewer]!;
  const tail = cells.slice(0, fewer + 1).reduce((sum, cell) => sum + cell, 0);
  if (midP) return { onlyA, onlyB, p: onlyA === onlyB ? 1 - observed / 2 : 2 * tail - observed, test: 'mid-p' };
  return { onlyA, onlyB, p: Math.min(1, 2 * tail), test: 'exact' };
}

/**
 * The interval of {@link pairedBootstrap} with a p-value, from the same resamples: twice the share of resampled differences on the far side
 * of 0, one counted in for the observed (Efron & Tibshirani 1993, §15.4; Davison & Hinkley 1997, §4.4). It is below 5 % where the
 * interval leaves 0 out, but for the last resample or two.
 *
 * @param a method A's scores [S][n]
 * @param b method B's scores in the same runs
 * @param resamples by default 10,000, and down to 2,000 where S·n is above 20,000
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function pairedBootstrapTest(
  a: readonly Scores[],
  b: readonly Scores[],
  rng: Rng,
  resamples: number = resamplesFor(a),
): BootstrapTest {
  const gains = pairedGains(a, b);
  const means = resampledMeans(gains, rng, resamples);
  const losses = means.filter((gain) => gain <= 0).length;
  const wins = means.filter((gain) => gain >= 0).length;
  const p = Math.min(1, (2 * (Math.min(losses, wins) + 1)) / (resamples + 1));
  return { difference: meanOf(gains), ...middle(means), p };
}

const resamplesFor = (runs: readonly Scores[]): number => {
  const scores = runs.reduce((sum, run) => sum + run.length, 0);
  return Math.max(RESAMPLES.fewest, Math.min(RESAMPLES.most, Math.floor(MOST_SCORES / scores)));
};

/**
 * Holm's step-down correction (Holm 1979): p-values that may each be held against the level, and the chance of any false difference among
 * them stays below it, however the comparisons depend on each other.
 *
 * @param ps p-values of all comparisons made, not only of those that are reported [m]
 * @returns adjusted, in the same order [m]
 * @throws {FungiError} INVALID_ARGUMENT unless all are in 0 … 1
 */
export function holm(ps: readonly number[]): number[] {
  const wrong = ps.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw new FungiError('INVALID_ARGUMENT', `not a p-value: ${wrong}`);
  const adjusted = ps.map(() => 0);
  let least = 0;
  [...ps.entries()]
    .sort(([, p], [, q]) => p - q)
    .forEach(([place, p], rank) => {
      least = Math.max(least, Math.min(1, p * (ps.length - rank)));
      adjusted[place] = least;
    });
  return adjusted;
}

/**
 * P(χ²₁ ≥ x) = P(|Z| ≥ √x) of a standard normal Z: by its series up to z = 3, by Laplace's continued fraction beyond (Abramowitz &
 * Stegun 1964, 26.2.11 and 26.2.14). simple-statistics has χ² as a table of two digits, and an error function good to 1e-7.
 */
function chiSquaredTail(x: number): number {
  const z = Math.sqrt(x);
  const twiceDensity = Math.sqrt(2 / Math.PI) * Math.exp(-x / 2);
  if (z < 3) {
    let [sum, term] = [0, z];
    for (let odd = 3; term > sum * 1e-17; odd += 2) {
      sum += term;
      term *= x / odd;
    }
    return 1 - twiceDensity * sum;
  }
  let fraction = z;
  for (let i = 100; i >= 1; i--) fraction = z + i / fraction;
  return twiceDensity / fraction;
}
