/** From which confidence on an answer is right often enough. */
import { FungiError } from '../core/errors.js';
import { assertJudged } from './calibration.js';

export interface AbstentionTarget {
  /** Share of the answers that have to be right, above 0 and below 1. */
  readonly precision: number;
  /** Probability of promising what does not hold. @default 0.05 */
  readonly risk?: number;
}

export interface AbstentionThreshold {
  /** Answers of this confidence or more are given. */
  readonly threshold: number;
  /** Share of the queries that got an answer. */
  readonly coverage: number;
  /** Share of those answers that were right. */
  readonly precision: number;
}

/** Shares of the queries, most confident first, that are tried. */
const LEVELS = 20;

/**
 * The lowest threshold whose answers are right as often as wanted, with probability 1 − risk on other queries of the same kind: exact binomial tests at fixed
 * shares of the queries, Bonferroni corrected (as Geifman & El-Yaniv 2017). What the queries measured by chance is not taken for what holds.
 *
 * @param confidences 0 to 1; calibrated or not, since only their order matters
 * @returns undefined where no share of these queries shows so much: more queries may
 * @throws {FungiError} INVALID_ARGUMENT
 */
export function abstainThreshold(
  confidences: readonly number[],
  hits: readonly boolean[],
  { precision, risk = 0.05 }: AbstentionTarget,
): AbstentionThreshold | undefined {
  assertJudged(confidences, hits);
  for (const [name, value] of Object.entries({ precision, risk })) {
    if (value > 0 && value < 1) continue;
    throw new FungiError('INVALID_ARGUMENT', `abstention: ${name} is ${value}, it must be above 0 and below 1`, {
      hint: 'Certainty cannot be promised: ask for a little less, such as 0.95.',
    });
  }
  const order = confidences.map((_, i) => i).sort((a, b) => confidences[b]! - confidences[a]!);
  const total = order.length;
  const tail = binomialTail(total, precision);
  for (let level = LEVELS; level > 0; level--) {
    const at = Math.max(1, Math.round((total * level) / LEVELS));
    const threshold = confidences[order[at - 1]!]!;
    // All of an equal confidence answer, or none.
    const answered = order.filter((i) => confidences[i]! >= threshold);
    const right = answered.filter((i) => hits[i]).length;
    if (tail(answered.length, right) > risk / LEVELS) continue;
    return { threshold, coverage: answered.length / total, precision: right / answered.length };
  }
  return undefined;
}

/**
 * The most that {@link abstainThreshold} finds a threshold for, in thousandths.
 *
 * @returns 0 where it finds none for a thousandth
 * @throws {FungiError} INVALID_ARGUMENT
 */
export function highestShown(confidences: readonly number[], hits: readonly boolean[]): number {
  // Whoever shows so much shows less, too.
  let [shown, beyond] = [0, 1000];
  while (beyond - shown > 1) {
    const middle = (shown + beyond) >> 1;
    if (abstainThreshold(confidences, hits, { precision: middle / 1000 }) === undefined) beyond = middle;
    else shown = middle;
  }
  return shown / 1000;
}

/** P(X ≥ hits) for X ~ Bin(n, p), n up to `most`. */
function binomialTail(most: number, p: number): (n: number, hits: number) => number {
  const logFactorial = new Float64Array(most + 1);
  for (let i = 2; i <= most; i++) logFactorial[i] = logFactorial[i - 1]! + Math.log(i);
  return (n, hits) => {
    let sum = 0;
    for (let x = hits; x <= n; x++) {
      const ways = logFactorial[n]! - logFactorial[x]! - logFactorial[n - x]!;
      sum += Math.exp(ways + x * Math.log(p) + (n - x) * Math.log1p(-p));
    }
    return Math.min(1, sum);
  };
}
