/** The figures of a kNN evaluation: as a file that other programs read, and as rows of a table. */
import { Rng } from '../../core/rng.js';
import {
  bootstrapMean,
  pairedBootstrap,
  wilson,
  type Interval,
  type PairedDifference,
  type Scores,
} from '../measures/intervals.js';
import type { KnnResult } from './knn.js';

/** One feature set under one seed. Names and units are fixed: this is read by other programs. */
export interface KnnRow extends Interval {
  readonly features: string;
  /** Null for the full training set. */
  readonly shots: number | null;
  readonly seed: number;
  /** Test rows. */
  readonly n: number;
  /** Fraction of 1; `low` and `high` are its 95 % interval (Wilson) over test rows: how the seed or its shots fell is not in it. */
  readonly accuracy: number;
  /** PCA, search and vote. */
  readonly seconds: number;
  /** Training rows that voted. */
  readonly pool: number;
  readonly dims: number;
}

export interface KnnReport {
  readonly results: readonly KnnRow[];
  /** Items a second by feature set, from text to features; empty when it was not measured. */
  readonly throughput: Readonly<Record<string, number>>;
  /** Of model, data and settings: equal fingerprints mean equal results. */
  readonly fingerprint: string;
}

export function knnRows(results: readonly KnnResult[]): KnnRow[] {
  return results.map(({ features, shots, seed, correct, seconds, pool, dims }) => ({
    features,
    shots,
    seed,
    n: correct.length,
    accuracy: mean(correct.map(Number)),
    ...wilsonOf(correct),
    seconds,
    pool,
    dims,
  }));
}

/** One feature set over all seeds. */
export interface KnnSummary extends Interval {
  readonly features: string;
  /** Null for the full training set. */
  readonly shots: number | null;
  readonly seeds: number;
  /** Mean over seeds; the interval is over test rows and, when there are several, over seeds with their shots (bootstrap). */
  readonly accuracy: number;
  /** The worst and the best seed. */
  readonly lowestSeed: number;
  readonly highestSeed: number;
  /** Over the plain embedding, on the same seeds and test rows; absent where that was not asked for, and for itself. */
  readonly gain?: PairedDifference;
  /** Set-wide, of the first seed. */
  readonly dims: number;
}

/** Of each feature set on each kind of pool, in the order of the results. */
export function summarise(results: readonly KnnResult[]): KnnSummary[] {
  const kinds = [...new Set(results.map(({ shots }) => shots))];
  return kinds.flatMap((shots) => summariseOne(results.filter((result) => result.shots === shots)));
}

function summariseOne(results: readonly KnnResult[]): KnnSummary[] {
  const names = [...new Set(results.map(({ features }) => features))];
  const runsOf = (name: string): readonly KnnResult[] => results.filter(({ features }) => features === name);
  const scoresOf = (name: string): Scores[] => runsOf(name).map(({ correct }) => correct);
  const baseline = names.includes('embedding') ? scoresOf('embedding') : undefined;
  return names.map((features) => {
    const runs = scoresOf(features);
    const bySeed = runsOf(features).map(({ correct }) => mean(correct.map(Number)));
    const rng = (): Rng => Rng.stream(0, 'knn-summary');
    const { shots, dims } = runsOf(features)[0]!;
    return {
      features,
      shots,
      seeds: runs.length,
      accuracy: mean(bySeed),
      ...intervalOf(runsOf(features), rng()),
      lowestSeed: Math.min(...bySeed),
      highestSeed: Math.max(...bySeed),
      ...(baseline !== undefined && features !== 'embedding' && { gain: pairedBootstrap(baseline, runs, rng()) }),
      dims,
    };
  });
}

/** Runs that agree on every row say nothing of seeds: they count as one, whose interval is no point even at 0 and 1. */
function intervalOf(runs: readonly KnnResult[], rng: Rng): Interval {
  const [first] = runs;
  const same = runs.every(({ correct }) => correct.every((right, row) => right === first!.correct[row]));
  return same
    ? wilsonOf(first!.correct)
    : bootstrapMean(
        runs.map(({ correct }) => correct),
        rng,
      );
}

const wilsonOf = (correct: readonly boolean[]): Interval => wilson(correct.filter(Boolean).length, correct.length);

/** What the intervals of a summary cover. One draw of shots cannot tell how much another would change. */
export type IntervalScope = 'test rows' | 'test rows and seeds';

export const intervalScope = (seeds: number): IntervalScope => (seeds > 1 ? 'test rows and seeds' : 'test rows');

/** @param shots kinds of pools; null for the full training set */
export function tableTitles(seeds: number, shots: readonly (number | null)[]): string[] {
  const interval = shots.some((count) => count !== null) && seeds === 1 ? '95 %, test rows only' : '95 %';
  const kind = shots.length > 1 ? ['shots'] : [];
  return ['features', ...kind, 'accuracy %', interval, 'seeds', 'gain', interval, 'dims', 'texts/s'];
}

/** Cells of each summary, in the order of {@link tableTitles}; accuracies and gains in percent. */
export function tableRows(summaries: readonly KnnSummary[], throughput: Readonly<Record<string, number>>): string[][] {
  const severalKinds = new Set(summaries.map(({ shots }) => shots)).size > 1;
  return summaries.map(({ features, shots, seeds, accuracy, low, high, lowestSeed, highestSeed, gain, dims }) => [
    features,
    ...(severalKinds ? [shots === null ? 'all' : String(shots)] : []),
    percent(accuracy),
    `${percent(low)} to ${percent(high)}`,
    seeds === 1 ? '1' : `${seeds}: ${percent(lowestSeed)} to ${percent(highestSeed)}`,
    gain === undefined ? '' : signed(gain.difference),
    gain === undefined ? '' : `${signed(gain.low)} to ${signed(gain.high)}`,
    String(dims),
    throughput[features]?.toFixed(1) ?? '',
  ]);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (fraction: number): string => (100 * fraction).toFixed(1);
const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
