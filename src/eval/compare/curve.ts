/** How accuracy grows with the pool: few examples of each label, and all there are. */
import { mean } from 'simple-statistics';
import type { LabelledItem } from '../data/labelled.js';
import type { Interval } from '../../core/wilson.js';
import type { Comparison } from './compare.js';
import { predictionScores } from './scores.js';

/** Accuracy of one selector with a pool of so many examples a label. */
export interface CurvePoint extends Interval {
  readonly selector: string;
  /** Examples of each label in the pool; of a whole pool the mean, rounded. */
  readonly shots: number;
  /** Whether the pool was whole. */
  readonly whole: boolean;
  /** Mean over seeds, with its 95 % interval. */
  readonly accuracy: number;
  readonly seeds: readonly { readonly seed: number; readonly accuracy: number }[];
}

/** Empty where every run had the whole pool. */
export function curvePoints(
  { runs }: Comparison,
  { pool, queries }: { readonly pool: readonly LabelledItem[]; readonly queries: readonly LabelledItem[] },
): CurvePoint[] {
  if (runs.every(({ shots }) => shots === null)) return [];
  const truth = queries.map(({ label }) => label);
  const perLabel = Math.round(pool.length / new Set(pool.map(({ label }) => label)).size);
  const kinds = [...new Set(runs.map(({ shots }) => shots))].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  const names = [...new Set(runs.map(({ selector }) => selector))];
  return names.flatMap((selector) =>
    kinds.map((kind) => {
      const own = runs.filter(({ selector: name, shots }) => name === selector && shots === kind);
      const { accuracy, low, high } = predictionScores(truth, own);
      const seeds = own.map(({ seed, correct }) => ({ seed, accuracy: mean(correct.map(Number)) }));
      return { selector, shots: kind ?? perLabel, whole: kind === null, accuracy, low, high, seeds };
    }),
  );
}
