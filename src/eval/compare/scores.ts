/** What predictions of selectors are worth, and what one gains over another: the same for a vote of examples and for an LLM that reads them. */
import { mean } from 'simple-statistics';
import { Rng } from '../../core/rng.js';
import { wilson, type Interval } from '../../core/wilson.js';
import { bootstrapMean, ofShares, pairedBootstrap, type PairedDifference } from '../measures/intervals.js';
import { confusion, macroF1, meanPerClassAccuracy } from '../measures/metrics.js';
import { discordantPairs, holm, mcnemar, pairedBootstrapTest } from '../measures/significance.js';

/** Of one selector under one seed. */
export interface Predictions {
  /** A label for each query, '' where there is none [n]. */
  readonly predicted: readonly string[];
  /** Whether it is the query's own [n]. */
  readonly correct: readonly boolean[];
}

/** Fractions of 1. */
export interface PredictionScores extends Interval {
  /** Mean over seeds; `low` and `high` are its 95 % interval over queries (Wilson), and over seeds too where they disagree (bootstrap). */
  readonly accuracy: number;
  /** Over the labels that queries have. */
  readonly macroF1: number;
  /** Mean of the accuracies of the labels that queries have, large and small alike. */
  readonly meanPerClass: number;
}

/** Over the baseline, on the same seeds and queries. */
export interface Gain extends PairedDifference {
  /** Two-sided: McNemar's mid-p for one seed, of the paired bootstrap for several. */
  readonly p: number;
  /** p after Holm's correction over all selectors compared. */
  readonly adjusted: number;
}

/** Two selectors on the same seeds and queries. */
export interface PredictionPair {
  /** The one that is held against the baseline. */
  readonly selector: string;
  readonly baseline: readonly Predictions[];
  readonly own: readonly Predictions[];
}

/**
 * @param truth the queries' labels [n]
 * @param runs a selector's, one a seed
 * @throws {FungiError} INVALID_ARGUMENT for no queries
 */
export function predictionScores(truth: readonly string[], runs: readonly Predictions[]): PredictionScores {
  const labels = [...new Set(truth)].sort();
  const correct = runs.map((run) => run.correct);
  const same = correct.every((run) => run.every((right, query) => right === correct[0]![query]));
  const interval = same
    ? wilson(correct[0]!.filter(Boolean).length, truth.length)
    : ofShares(bootstrapMean(correct, Rng.stream(0, 'compare', 'interval')));
  const tables = runs.map(({ predicted }) => confusion(truth, predicted));
  return {
    accuracy: mean(correct.flat().map(Number)),
    ...interval,
    macroF1: mean(tables.map((each) => macroF1(each, labels))),
    meanPerClass: mean(tables.map(meanPerClassAccuracy)),
  };
}

/**
 * @param pairs every comparison that was made: the correction is for all of them
 * @throws {FungiError} INVALID_ARGUMENT when a pair has no queries, or not the same number
 */
export function pairedGains(pairs: readonly PredictionPair[]): Gain[] {
  const tests = pairs.map(testOf);
  const adjusted = holm(tests.map(({ p }) => p));
  return tests.map((test, i) => ({ ...test, adjusted: adjusted[i]! }));
}

function testOf({ selector, baseline, own }: PredictionPair): Omit<Gain, 'adjusted'> {
  const [a, b] = [baseline, own].map((runs) => runs.map(({ correct }) => correct)) as [boolean[][], boolean[][]];
  const rng = Rng.stream(0, 'compare', selector);
  if (a.length > 1) return pairedBootstrapTest(a, b, rng);
  // One run of right and wrong answers has a test without resampling.
  return { ...pairedBootstrap(a, b, rng), p: mcnemar(discordantPairs(a[0]!, b[0]!), { midP: true }).p };
}
