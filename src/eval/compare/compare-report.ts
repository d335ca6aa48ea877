/** The figures of a comparison of selectors, and what follows from them in words. */
import { mean } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import { Rng } from '../../core/rng.js';
import { bootstrapMean, wilson, type Interval, type PairedDifference } from '../intervals.js';
import type { LabelledItem } from '../knn.js';
import { confusion, labelHitAt, macroF1, ownLabels, sameLabelShareAt } from '../metrics.js';
import { discordantPairs, holm, mcnemar, pairedBootstrapTest } from '../significance.js';
import type { Comparison, SelectorRun } from './compare.js';

/** One selector over all seeds. Shares are fractions of 1. Names and units are fixed: this is read by other programs. */
export interface SelectorSummary extends Interval {
  readonly selector: string;
  /** Of the vote of the chosen examples; `low` and `high` are its 95 % interval. */
  readonly accuracy: number;
  /** Over the labels that queries have. */
  readonly macroF1: number;
  /** Queries with an example of their own label among the chosen. */
  readonly labelHit: number;
  /** Chosen examples that have their query's label. */
  readonly sameLabel: number;
  /** Accuracy on queries whose text is not in the pool; null where all are. */
  readonly accuracyUnleaked: number | null;
  /** Queries for which nothing was chosen, of all seeds' queries. */
  readonly empty: number;
  readonly secondsPerQuery: number;
  /** Over the baseline, on the same seeds and queries; absent for the baseline itself. */
  readonly gain?: PairedDifference & {
    /** Mid-p McNemar for one seed, paired bootstrap for several; two-sided. */
    readonly p: number;
    /** p after Holm's correction over all selectors compared. */
    readonly adjusted: number;
  };
}

export interface CompareReport {
  readonly summary: readonly SelectorSummary[];
  readonly baseline: string;
  readonly seeds: number;
  readonly k: number;
  readonly queries: number;
  /** Queries whose text, but for case and spaces, is in the pool. */
  readonly leaked: number;
}

/** Differences that chance brings about less often than this, after correction, are called significant. */
const LEVEL = 0.05;

export interface CompareReportOptions {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly k: number;
  /** @default `embedding` where it is compared, else the first selector */
  readonly baseline?: string | undefined;
}

/** @throws {FungiError} INVALID_ARGUMENT for a baseline that is not among the selectors */
export function compareReport({ runs, leaked }: Comparison, options: CompareReportOptions): CompareReport {
  const { pool, queries, k } = options;
  const names = [...new Set(runs.map(({ selector }) => selector))];
  const baseline = options.baseline ?? (names.includes('embedding') ? 'embedding' : names[0]!);
  if (!names.includes(baseline))
    throw new FungiError('INVALID_ARGUMENT', `baseline "${baseline}" is not compared; ${names.join(', ')} are`);
  const runsOf = (name: string): readonly SelectorRun[] => runs.filter(({ selector }) => selector === name);
  const others = names.filter((name) => name !== baseline);
  const tests = others.map((name) => difference(runsOf(baseline), runsOf(name)));
  const adjusted = holm(tests.map(({ p }) => p));
  const summary = names.map((name): SelectorSummary => {
    const place = others.indexOf(name);
    const own = scoresOf(runsOf(name), { pool, queries, k, leaked });
    return place < 0 ? own : { ...own, gain: { ...tests[place]!, adjusted: adjusted[place]! } };
  });
  const seeds = runsOf(baseline).length;
  return { summary, baseline, seeds, k, queries: queries.length, leaked: leaked.filter(Boolean).length };
}

function difference(a: readonly SelectorRun[], b: readonly SelectorRun[]): PairedDifference & { readonly p: number } {
  const [scoresA, scoresB] = [a, b].map((runs) => runs.map(({ correct }) => correct)) as [boolean[][], boolean[][]];
  const test = pairedBootstrapTest(scoresA, scoresB, () => Rng.stream(0, 'compare', b[0]!.selector));
  if (a.length > 1) return test;
  // One run of right and wrong answers has a test without resampling.
  return { ...test, p: mcnemar(discordantPairs(scoresA[0]!, scoresB[0]!), { midP: true }).p };
}

function scoresOf(
  runs: readonly SelectorRun[],
  { pool, queries, k, leaked }: CompareReportOptions & Pick<Comparison, 'leaked'>,
): SelectorSummary {
  const truth = queries.map(({ label }) => label);
  const labels = [...new Set(truth)].sort();
  const own = runs.flatMap(({ rows }) => ownLabels(truth, rows.map((chosen) => chosen.map((row) => pool[row]!.label)))); // prettier-ignore
  const correct = runs.map((run) => run.correct);
  const same = correct.every((run) => run.every((right, query) => right === correct[0]![query]));
  const interval = same
    ? wilson(correct[0]!.filter(Boolean).length, queries.length)
    : bootstrapMean(correct, Rng.stream(0, 'compare', 'interval'));
  const unleaked = correct.flatMap((run) => run.filter((_, query) => !leaked[query]).map(Number));
  return {
    selector: runs[0]!.selector,
    accuracy: mean(correct.flat().map(Number)),
    ...interval,
    macroF1: mean(runs.map(({ predicted }) => macroF1(confusion(truth, predicted), labels))),
    labelHit: mean(own.map((each) => labelHitAt(k, each))),
    sameLabel: mean(own.map((each) => sameLabelShareAt(k, each))),
    accuracyUnleaked: unleaked.length === 0 ? null : mean(unleaked),
    empty: own.filter((each) => each.length === 0).length,
    secondsPerQuery: mean(runs.map(({ seconds }) => seconds)) / queries.length,
  };
}

/** Which selector to use on these data, by how much, and whether that is more than chance: one paragraph. */
export function verdict({ summary, baseline, seeds, queries, leaked, k }: CompareReport): string {
  const best = summary.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
  const base = summary.find(({ selector }) => selector === baseline)!;
  const on = `on these ${queries} queries${seeds > 1 ? ` under ${seeds} seeds` : ''}`;
  const significant = summary.filter(({ gain }) => gain !== undefined && gain.adjusted < LEVEL);
  const better = significant.filter(({ gain }) => gain!.difference > 0);
  const champion = better.reduce<SelectorSummary | undefined>(
    (a, b) => (a !== undefined && a.accuracy >= b.accuracy ? a : b),
    undefined,
  );
  const cost = ({ secondsPerQuery }: SelectorSummary): string =>
    `${(1000 * secondsPerQuery).toPrecision(2)} ms a query`;
  const sentences: string[] = [];
  if (champion !== undefined) {
    const { difference, low, high, adjusted } = champion.gain!;
    sentences.push(
      `Use ${champion.selector}: ${on} the vote of its ${k} examples is right ${points(difference)} points more often than that of ${baseline} ` +
        `(${signed(low)} to ${signed(high)}), which chance would bring about with p = ${adjusted.toPrecision(1)} after correction for ${summary.length - 1} comparisons.`,
    );
    if (best !== champion) sentences.push(`${best.selector} is ahead of it, but not surely ahead of ${baseline}.`);
    sentences.push(`It takes ${cost(champion)}, ${baseline} ${cost(base)}.`);
  } else {
    sentences.push(
      `Stay with ${baseline}: ${on} no selector is better by more than chance would bring about` +
        (best === base
          ? '.'
          : `; ${best.selector} is ahead by ${points(best.accuracy - base.accuracy)} points (p = ${best.gain!.adjusted.toPrecision(1)} after correction).`),
    );
  }
  const worse = significant.filter(({ gain }) => gain!.difference < 0).map(({ selector }) => selector);
  if (worse.length > 0) sentences.push(`Surely worse than ${baseline}: ${worse.join(', ')}.`);
  if (leaked > 0)
    sentences.push(`${leaked} of the queries are in the pool, but for case and spaces: see the accuracy without them.`);
  return sentences.join(' ');
}

const points = (fraction: number): string => (100 * fraction).toFixed(1);
const signed = (fraction: number): string => `${fraction < 0 ? '−' : '+'}${points(Math.abs(fraction))}`;
