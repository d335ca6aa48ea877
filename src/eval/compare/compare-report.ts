/** The figures of a comparison of selectors, and what follows from them in words. */
import { mean } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import type { LabelledItem } from '../data/labelled.js';
import { labelHitAt, ownLabels, sameLabelShareAt } from '../measures/metrics.js';
import type { Comparison, SelectorRun } from './compare.js';
import { pairedGains, predictionScores, type Gain, type PredictionScores } from './scores.js';
import { bm25Sentence, majorityOf, majoritySentence, overBm25, type Majority, type OverBm25 } from './verdict-notes.js';
import { counted, leakSentence, milliseconds, percent, recommendation, whereOf } from './verdict.js';

export { pText } from './verdict.js';

/** One selector over all seeds. Shares are fractions of 1. Names and units are fixed: this is read by other programs. */
export interface SelectorSummary extends PredictionScores {
  readonly selector: string;
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
  /** What its runs took in all; a choice that no seed changes is made once. The features of every selector are made in the run of the first that asks. */
  readonly seconds: number;
  /** Absent for the baseline itself. */
  readonly gain?: Gain;
}

export interface CompareReport {
  readonly summary: readonly SelectorSummary[];
  readonly baseline: string;
  readonly seeds: number;
  readonly k: number;
  readonly queries: number;
  /** Queries whose text, but for case and spaces, is in the pool. */
  readonly leaked: number;
  /** The commonest label of the queries, and the share of them that have it: what always answering it would get right. */
  readonly majority: Majority;
  /** What the best selector by features gains over bm25; null unless both kinds are compared. */
  readonly overBm25: OverBm25 | null;
}

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

/** Of the runs on the whole pool. @throws {FungiError} INVALID_ARGUMENT as {@link baselineOf} */
export function compareReport({ runs: all, leaked }: Comparison, options: CompareReportOptions): CompareReport {
  const { k, queries } = options;
  const runs = all.filter(({ shots }) => shots === null);
  const names = [...new Set(runs.map(({ selector }) => selector))];
  const baseline = baselineOf(names, options.baseline);
  const runsOf = (name: string): readonly SelectorRun[] => runs.filter(({ selector }) => selector === name);
  const others = names.filter((name) => name !== baseline);
  const pairs = others.map((selector) => ({ selector, baseline: runsOf(baseline), own: runsOf(selector) }));
  const gains = pairedGains(pairs);
  const summary = names.map((name): SelectorSummary => {
    const gain = gains[others.indexOf(name)];
    const own = scoresOf(runsOf(name), { ...options, leaked });
    return gain === undefined ? own : { ...own, gain };
  });
  const seeds = runsOf(baseline).length;
  return {
    ...{ summary, baseline, seeds, k, queries: queries.length, leaked: leaked.filter(Boolean).length },
    majority: majorityOf(queries.map(({ label }) => label)),
    overBm25: overBm25(summary, baseline, (own, other) => [runsOf(own), runsOf(other)]),
  };
}

function scoresOf(
  runs: readonly SelectorRun[],
  { pool, queries, k, leaked, featureSeconds }: CompareReportOptions & Pick<Comparison, 'leaked'>,
): SelectorSummary {
  const truth = queries.map(({ label }) => label);
  const own = runs.flatMap(({ rows }) => ownLabels(truth, rows.map((chosen) => chosen.map((row) => pool[row]!.label)))); // prettier-ignore
  const made = runs.flatMap((run) => (run.seconds === null ? [] : [run.seconds]));
  const seconds = made.reduce((sum, each) => sum + each, 0);
  const { selector } = runs[0]!;
  const unleaked = runs.flatMap(({ correct }) => correct.filter((_, query) => !leaked[query]).map(Number));
  return {
    selector,
    ...predictionScores(truth, runs),
    labelHit: mean(own.map((each) => labelHitAt(k, each))),
    sameLabel: mean(own.map((each) => sameLabelShareAt(k, each))),
    examples: mean(own.map((each) => each.length)),
    accuracyUnleaked: unleaked.length === 0 ? null : mean(unleaked),
    empty: own.filter((each) => each.length === 0).length,
    secondsPerQuery: featureSeconds?.has(selector)
      ? featureSeconds.get(selector)!
      : seconds / made.length / queries.length,
    seconds,
  };
}

/**
 * What follows, in one paragraph: which selector to use on these data, by how much, whether that is more than chance, whether one without an
 * encoder does as well, whether one label has most queries, what it costs, and how many queries are in the pool.
 */
export function verdict(report: CompareReport): string {
  const { summary, baseline, k, queries, seeds, leaked, majority, overBm25 } = report;
  const base = summary.find(({ selector }) => selector === baseline)!;
  const vote = `the vote of its ${counted(k, 'example')} is right`;
  const where = whereOf(queries, seeds);
  if (summary.length === 1) {
    const share = `${where} ${vote} ${percent(base.accuracy)} % of the time`;
    const alone = [`Only ${baseline} was compared: ${share}.`, ...majoritySentence(majority, summary, [base])];
    return [...alone, leakSentence(queries, leaked, [base])].join(' ');
  }
  const { advised, sentences } = recommendation(summary, baseline, {
    where,
    rightMoreOften: (_, points, other) => `${vote} ${points} points more often than that of ${other}`,
  });
  const shown = advised === base ? [base] : [advised, base];
  return [
    ...sentences,
    ...bm25Sentence(overBm25, advised.selector, baseline),
    ...majoritySentence(majority, summary, shown),
    ...costSentence(shown),
    leakSentence(queries, leaked, shown),
  ].join(' ');
}

/** Empty where nothing was timed. */
function costSentence(shown: readonly SelectorSummary[]): string[] {
  const costs = shown.flatMap(({ selector, secondsPerQuery }) =>
    secondsPerQuery === null ? [] : [`${milliseconds(secondsPerQuery)} ms with ${selector}`],
  );
  return costs.length === 0 ? [] : [`A query took ${costs.join(', ')}.`];
}
