/** The figures of a comparison of selectors, and what follows from them in words. */
import { mean } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import { Rng } from '../../core/rng.js';
import { bootstrapMean, wilson, type Interval, type PairedDifference } from '../measures/intervals.js';
import type { LabelledItem } from '../data/labelled.js';
import {
  confusion,
  labelHitAt,
  macroF1,
  meanPerClassAccuracy,
  ownLabels,
  sameLabelShareAt,
} from '../measures/metrics.js';
import { discordantPairs, holm, mcnemar, pairedBootstrapTest } from '../measures/significance.js';
import type { Comparison, SelectorRun } from './compare.js';

/** One selector over all seeds. Shares are fractions of 1. Names and units are fixed: this is read by other programs. */
export interface SelectorSummary extends Interval {
  readonly selector: string;
  /**
   * Of the vote of the chosen examples, mean over seeds; `low` and `high` are its 95 % interval over queries (Wilson), and over seeds
   * too where they disagree (bootstrap).
   */
  readonly accuracy: number;
  /** Over the labels that queries have. */
  readonly macroF1: number;
  /** Mean of the accuracies of the labels that queries have, large and small alike. */
  readonly meanPerClass: number;
  /** Queries with an example of their own label among the chosen. */
  readonly labelHit: number;
  /** Of a query's chosen examples the share that have its label, mean over queries; 0 where nothing was chosen. */
  readonly sameLabel: number;
  /** Examples chosen for a query, mean over queries. */
  readonly examples: number;
  /** Accuracy on queries whose text is not in the pool; null where all are. */
  readonly accuracyUnleaked: number | null;
  /** Queries for which nothing was chosen, of all seeds' queries. */
  readonly empty: number;
  /**
   * To choose for one query: of a selector by features, to make the query's features, timed by itself, and without the search (null when
   * that was not timed); of others the whole choice, with what they make of the pool.
   */
  readonly secondsPerQuery: number | null;
  /** What its runs took in all. The features of every selector are made in the run of the first that asks. */
  readonly seconds: number;
  /** Over the baseline, on the same seeds and queries; absent for the baseline itself. */
  readonly gain?: PairedDifference & {
    /** Two-sided: McNemar's mid-p for one seed, of the paired bootstrap for several. */
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
  /** Seconds that the features of one query take, of each selector by features; null where that was not timed. */
  readonly featureSeconds?: ReadonlyMap<string, number | null> | undefined;
}

/**
 * What the others are held against.
 *
 * @param names of the selectors
 * @param asked the user's choice
 * @throws {FungiError} INVALID_ARGUMENT for one that is not among the selectors
 */
export function baselineOf(names: readonly string[], asked?: string): string {
  const baseline = asked ?? (names.includes('embedding') ? 'embedding' : names[0]!);
  if (names.includes(baseline)) return baseline;
  throw new FungiError('INVALID_ARGUMENT', `the baseline "${baseline}" is not compared`, {
    hint: `Name one of ${names.join(', ')}, or add it to the selectors.`,
  });
}

/** @throws {FungiError} INVALID_ARGUMENT as {@link baselineOf} */
export function compareReport({ runs, leaked }: Comparison, options: CompareReportOptions): CompareReport {
  const { k, queries } = options;
  const names = [...new Set(runs.map(({ selector }) => selector))];
  const baseline = baselineOf(names, options.baseline);
  const runsOf = (name: string): readonly SelectorRun[] => runs.filter(({ selector }) => selector === name);
  const others = names.filter((name) => name !== baseline);
  const tests = others.map((name) => difference(runsOf(baseline), runsOf(name)));
  const adjusted = holm(tests.map(({ p }) => p));
  const summary = names.map((name): SelectorSummary => {
    const place = others.indexOf(name);
    const own = scoresOf(runsOf(name), { ...options, leaked });
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
  { pool, queries, k, leaked, featureSeconds }: CompareReportOptions & Pick<Comparison, 'leaked'>,
): SelectorSummary {
  const truth = queries.map(({ label }) => label);
  const labels = [...new Set(truth)].sort();
  const own = runs.flatMap(({ rows }) => ownLabels(truth, rows.map((chosen) => chosen.map((row) => pool[row]!.label)))); // prettier-ignore
  const correct = runs.map((run) => run.correct);
  const same = correct.every((run) => run.every((right, query) => right === correct[0]![query]));
  const interval = same
    ? wilson(correct[0]!.filter(Boolean).length, queries.length)
    : bootstrapMean(correct, Rng.stream(0, 'compare', 'interval'));
  const tables = runs.map(({ predicted }) => confusion(truth, predicted));
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  const { selector } = runs[0]!;
  const unleaked = correct.flatMap((run) => run.filter((_, query) => !leaked[query]).map(Number));
  return {
    selector,
    accuracy: mean(correct.flat().map(Number)),
    ...interval,
    macroF1: mean(tables.map((each) => macroF1(each, labels))),
    meanPerClass: mean(tables.map(meanPerClassAccuracy)),
    labelHit: mean(own.map((each) => labelHitAt(k, each))),
    sameLabel: mean(own.map((each) => sameLabelShareAt(k, each))),
    examples: mean(own.map((each) => each.length)),
    accuracyUnleaked: unleaked.length === 0 ? null : mean(unleaked),
    empty: own.filter((each) => each.length === 0).length,
    secondsPerQuery: featureSeconds?.has(selector)
      ? featureSeconds.get(selector)!
      : seconds / runs.length / queries.length,
    seconds,
  };
}

/**
 * What follows, in one paragraph: which selector to use on these data, by how much, whether that is more than chance, what it costs, and how
 * many queries are in the pool.
 */
export function verdict(report: CompareReport): string {
  const { summary, baseline, k } = report;
  const base = summary.find(({ selector }) => selector === baseline)!;
  if (summary.length === 1)
    return `Only ${baseline} was compared: ${where(report)} the vote of its ${counted(k, 'example')} is right ${percent(base.accuracy)} % of the time. ${leakSentence(report, [base])}`;
  const better = summary.filter((each) => isSignificant(each) && each.gain!.difference > 0).sort(byAccuracy);
  const worse = summary.filter((each) => isSignificant(each) && each.gain!.difference < 0);
  const [champion] = better;
  const advised = champion ?? base;
  return [
    champion === undefined ? staySentence(report, base, worse.length === 0) : useSentence(report, champion),
    // Two that both beat the baseline were not held against each other.
    ...(better.length > 1
      ? [`Significantly better than ${baseline} too: ${list(better.slice(1))}, not tested against ${advised.selector}.`]
      : []),
    ...summary
      .filter(({ accuracy, gain }) => champion !== undefined && gain !== undefined && accuracy > champion.accuracy)
      .map(({ selector }) => `${selector} is ahead of it, but its difference from ${baseline} is not significant.`),
    ...(worse.length > 0 ? [`Significantly worse than ${baseline} here: ${list(worse)}.`] : []),
    ...costSentence(advised, advised === base ? [] : [base]),
    leakSentence(report, advised === base ? [base] : [advised, base]),
  ].join(' ');
}

function useSentence(report: CompareReport, { selector, gain }: SelectorSummary): string {
  const { difference, low, high, adjusted } = gain!;
  return (
    `Use ${selector}: ${where(report)} the vote of its ${counted(report.k, 'example')} is right ${percent(difference)} points more often than ` +
    `that of ${report.baseline} (95 % interval ${signed(low)} to ${signed(high)}), which is significant at 5 %${corrected(report)} (${pText(adjusted)}).`
  );
}

function staySentence(report: CompareReport, base: SelectorSummary, noneDiffers: boolean): string {
  const best = [...report.summary].sort(byAccuracy)[0]!;
  const place =
    best.accuracy > base.accuracy
      ? `${best.selector} is ahead of it by ${percent(best.gain!.difference)} points (95 % interval ${signed(best.gain!.low)} to ${signed(best.gain!.high)}, ${pText(best.gain!.adjusted)})`
      : 'no other is right more often';
  const finding = noneDiffers
    ? `no difference from it is significant at 5 %${corrected(report)}`
    : `none is better by a difference that is significant at 5 %${corrected(report)}`;
  return `Stay with ${base.selector}: ${where(report)} ${place}, and ${finding}.`;
}

/** Empty where nothing was timed. */
function costSentence(advised: SelectorSummary, others: readonly SelectorSummary[]): string[] {
  const costs = [advised, ...others].flatMap(({ selector, secondsPerQuery }) =>
    secondsPerQuery === null ? [] : [`${(1000 * secondsPerQuery).toPrecision(2)} ms with ${selector}`],
  );
  return costs.length === 0 ? [] : [`A query took ${costs.join(', ')}.`];
}

function leakSentence({ queries, leaked }: CompareReport, shown: readonly SelectorSummary[]): string {
  if (leaked === 0) return 'None of the queries is in the pool.';
  const counts = `${leaked} of the ${counted(queries, 'query')} (${percent(leaked / queries)} %) ${leaked === 1 ? 'is' : 'are'} also in the pool, but for case and spaces`;
  if (leaked === queries) return `${counts}: these figures say nothing of new texts.`;
  const without = shown.map(({ selector, accuracyUnleaked }) => `${selector} ${percent(accuracyUnleaked!)} %`);
  return `${counts}; accuracy without: ${without.join(', ')}.`;
}

const isSignificant = ({ gain }: SelectorSummary): boolean => gain !== undefined && gain.adjusted < LEVEL;
const byAccuracy = (a: SelectorSummary, b: SelectorSummary): number => b.accuracy - a.accuracy;
const where = ({ queries, seeds }: CompareReport): string =>
  `on ${queries === 1 ? 'this' : 'these'} ${counted(queries, 'query')}${seeds > 1 ? ` under ${seeds} seeds` : ''}`;
const corrected = ({ summary }: CompareReport): string =>
  summary.length === 2 ? '' : ` after correction for ${summary.length - 1} comparisons`;
const list = (summaries: readonly SelectorSummary[]): string => summaries.map(({ selector }) => selector).join(', ');

/** "p = 0.03", "p < 0.001" */
export const pText = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`);

const counted = (count: number, noun: 'query' | 'example'): string =>
  count === 1 ? `1 ${noun}` : `${count} ${noun === 'query' ? 'queries' : 'examples'}`;
const percent = (fraction: number): string => (100 * fraction).toFixed(1);
const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
