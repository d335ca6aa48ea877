/** The figures of a classification by feature set: as a file that other programs read, and as rows of a table. */
import { Rng } from '../../core/rng.js';
import { pairedGains, type Gain } from '../compare/scores.js';
import { pText } from '../compare/verdict.js';
import { wilson, type Interval } from '../../core/wilson.js';
import { bootstrapMean, ofShares } from '../measures/intervals.js';
import { confusion, macroF1, meanPerClassAccuracy } from '../measures/metrics.js';
import type { ClassifiedRun } from './classify.js';

/** One feature set under one seed. Names and units are fixed: this is read by other programs. */
export interface RunRow extends Interval {
  readonly features: string;
  /** Null for the full training set. */
  readonly shots: number | null;
  readonly seed: number;
  /** Test rows. */
  readonly n: number;
  /** Fraction of 1; `low` and `high` are its 95 % interval (Wilson) over test rows: how the seed or its shots fell is not in it. */
  readonly accuracy: number;
  /** Mean F1 over the labels that test rows have. */
  readonly macroF1: number;
  /** Mean of the accuracies of the labels that test rows have, large and small alike. */
  readonly meanPerClass: number;
  /** Reduction and classifier. */
  readonly seconds: number;
  /** Training rows of the pool. */
  readonly pool: number;
  readonly dims: number;
  /** What else the classifier measured. */
  readonly measures?: Readonly<Record<string, number>>;
  /** What was done otherwise than asked for, and why. */
  readonly note?: string;
}

export interface ClassifyReport {
  readonly results: readonly RunRow[];
  /** Items a second by feature set, from text to features; empty when it was not measured. */
  readonly throughput: Readonly<Record<string, number>>;
  /** Of model, data and settings: equal fingerprints mean equal results. */
  readonly fingerprint: string;
}

/** @param truth labels of the test rows [n] */
export function runRows(runs: readonly ClassifiedRun[], truth: readonly string[]): RunRow[] {
  const labels = [...new Set(truth)].sort();
  return runs.map(({ features, shots, seed, correct, predicted, seconds, pool, dims, measures, note }) => {
    const table = confusion(truth, predicted);
    return {
      features,
      shots,
      seed,
      n: correct.length,
      accuracy: mean(correct.map(Number)),
      ...wilsonOf(correct),
      macroF1: macroF1(table, labels),
      meanPerClass: meanPerClassAccuracy(table),
      ...{ seconds, pool, dims },
      ...(measures && { measures }),
      ...(note !== undefined && { note }),
    };
  });
}

/** One feature set over all seeds. */
export interface SetSummary extends Interval {
  readonly features: string;
  /** Null for the full training set. */
  readonly shots: number | null;
  readonly seeds: number;
  /** Mean over seeds; the interval is over test rows and, when there are several, over seeds with their shots (bootstrap). */
  readonly accuracy: number;
  /** The worst and the best seed. */
  readonly lowestSeed: number;
  readonly highestSeed: number;
  /** Mean over seeds of the mean F1 over the labels that test rows have. */
  readonly macroF1: number;
  /**
   * Over the first feature set, on the same pool, seeds and test rows; absent for that one itself. Tested as selectors of examples are, and
   * corrected for all gains of the summary.
   */
  readonly gain?: Gain;
  /** Set-wide, of the first seed. */
  readonly dims: number;
  /** Means over seeds of what else the classifier measured. */
  readonly measures: Readonly<Record<string, number>>;
}

/**
 * Of each feature set on each kind of pool, in the order of the results.
 *
 * @param truth labels of the test rows [n]
 */
export function summarise(results: readonly ClassifiedRun[], truth: readonly string[]): SetSummary[] {
  const kinds = [...new Set(results.map(({ shots }) => shots))];
  const names = [...new Set(results.map(({ features }) => features))];
  const runsOf = (name: string, kind: number | null): readonly ClassifiedRun[] =>
    results.filter(({ features, shots }) => features === name && shots === kind);
  const [baseline, ...others] = names as [string, ...string[]];
  const gains = pairedGains(
    kinds.flatMap((kind) =>
      others.map((selector) => ({ selector, baseline: runsOf(baseline, kind), own: runsOf(selector, kind) })),
    ),
  );
  return kinds.flatMap((kind, i) =>
    names.map((name, set) => ({
      ...summariseOne(runsOf(name, kind), truth),
      ...(set > 0 && { gain: gains[i * others.length + set - 1]! }),
    })),
  );
}

function summariseOne(runs: readonly ClassifiedRun[], truth: readonly string[]): SetSummary {
  const rows = runRows(runs, truth);
  const bySeed = rows.map(({ accuracy }) => accuracy);
  const { features, shots, dims } = runs[0]!;
  const names = new Set(runs.flatMap(({ measures }) => Object.keys(measures ?? {})));
  // What not every seed has is the mean over those that have it.
  const meanOf = (name: string): number => mean(runs.flatMap(({ measures }) => measures?.[name] ?? []));
  return {
    features,
    shots,
    seeds: runs.length,
    accuracy: mean(bySeed),
    ...intervalOf(runs, Rng.stream(0, 'classify-summary')),
    lowestSeed: Math.min(...bySeed),
    highestSeed: Math.max(...bySeed),
    macroF1: mean(rows.map((row) => row.macroF1)),
    dims,
    measures: Object.fromEntries([...names].map((name) => [name, meanOf(name)])),
  };
}

/** Runs that agree on every row say nothing of seeds: they count as one, whose interval is no point even at 0 and 1. */
function intervalOf(runs: readonly ClassifiedRun[], rng: Rng): Interval {
  const [first] = runs;
  const same = runs.every(({ correct }) => correct.every((right, row) => right === first!.correct[row]));
  return same
    ? wilsonOf(first!.correct)
    : ofShares(
        bootstrapMean(
          runs.map(({ correct }) => correct),
          rng,
        ),
      );
}

const wilsonOf = (correct: readonly boolean[]): Interval => wilson(correct.filter(Boolean).length, correct.length);

/** What the intervals of a summary cover. One draw of shots cannot tell how much another would change. */
export type IntervalScope = 'test rows' | 'test rows and seeds';

export const intervalScope = (seeds: number): IntervalScope => (seeds > 1 ? 'test rows and seeds' : 'test rows');

export interface TableOptions {
  readonly seeds: number;
  /** Items a second by feature set. */
  readonly throughput: Readonly<Record<string, number>>;
}

export interface Table {
  readonly titles: readonly string[];
  /** Accuracies, F1 and gains in percent. */
  readonly rows: readonly (readonly string[])[];
}

export function summaryTable(summaries: readonly SetSummary[], { seeds, throughput }: TableOptions): Table {
  const kinds = new Set(summaries.map(({ shots }) => shots));
  const fewShot = [...kinds].some((shots) => shots !== null);
  const interval = fewShot && seeds === 1 ? '95 %, test rows only' : '95 %';
  const measures = new Set(summaries.flatMap(({ measures }) => Object.keys(measures)));
  const columns: [title: string, cell: (summary: SetSummary) => string][] = [
    ['features', ({ features }) => features],
    ...(kinds.size > 1
      ? [['shots', ({ shots }) => (shots === null ? 'all' : String(shots))] as (typeof columns)[0]]
      : []),
    ['accuracy %', ({ accuracy }) => percent(accuracy)],
    [interval, ({ low, high }) => `${percent(low)} to ${percent(high)}`],
    ['seeds', seedsCell],
    ['macro-F1', ({ macroF1 }) => percent(macroF1)],
    ['gain', ({ gain }) => (gain === undefined ? '' : signed(gain.difference))],
    [interval, ({ gain }) => (gain === undefined ? '' : `${signed(gain.low)} to ${signed(gain.high)}`)],
    ['p', ({ gain }) => (gain === undefined ? '' : pText(gain.adjusted).replace(/^p (?:= )?/, ''))],
    ...[...measures].map((name): (typeof columns)[0] => [
      MEASURE_TITLES[name] ?? name,
      ({ measures: { [name]: value } }) => (value === undefined ? '' : measureCell(name, value)),
    ]),
    ['dims', ({ dims }) => String(dims)],
    ...(Object.keys(throughput).length > 0
      ? [['texts/s', ({ features }) => throughput[features]?.toFixed(1) ?? ''] as (typeof columns)[0]]
      : []),
  ];
  return {
    titles: columns.map(([title]) => title),
    rows: summaries.map((summary) => columns.map(([, cell]) => cell(summary))),
  };
}

/** Of shares in percent; the others are shown by their names. */
const MEASURE_TITLES: Readonly<Record<string, string>> = { labelHit: 'label hit', sameLabel: 'same label' };
const measureCell = (name: string, value: number): string =>
  name in MEASURE_TITLES ? percent(value) : value.toPrecision(3);

const seedsCell = ({ seeds, lowestSeed, highestSeed }: SetSummary): string =>
  seeds === 1 ? '1' : `${seeds}: ${percent(lowestSeed)} to ${percent(highestSeed)}`;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (fraction: number): string => (100 * fraction).toFixed(1);
const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
