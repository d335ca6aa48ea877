/** Which labels are taken for which. */
import type { LabelledItem } from '../../data/labelled.js';
import { confusion } from '../../measures/metrics.js';
import type { JudgedRun } from './judged.js';

export interface Confusions {
  /** Whose answers are counted: the baseline, after the selector held against it. */
  readonly selectors: readonly string[];
  /** Answers counted for each selector: queries times seeds. */
  readonly answers: number;
  /** Wrong answers of one kind, the most frequent first. */
  readonly pairs: readonly ConfusedPair[];
  /** All answers of each selector where there are few labels, else empty. */
  readonly matrices: readonly ConfusionMatrix[];
}

export interface ConfusedPair {
  readonly truth: string;
  /** The answer; '' where nothing was chosen, or an LLM's reply is off the list. */
  readonly predicted: string;
  /** Answers to queries of that label. */
  readonly of: number;
  /** Such answers of each selector, in the order of `selectors`. */
  readonly counts: readonly number[];
}

export interface ConfusionMatrix {
  readonly selector: string;
  /** True or predicted [C]. */
  readonly labels: readonly string[];
  /** Answers by true label (row) and answer (column) [C][C]. */
  readonly counts: readonly (readonly number[])[];
}

/** Pairs that the table shows. */
const PAIRS = 12;
/** Labels that a heat map can show legibly. */
export const MATRIX_LABELS = 30;

export function confusionsOf(
  runs: readonly JudgedRun[],
  queries: readonly LabelledItem[],
  selectors: readonly string[],
): Confusions {
  const own = selectors.map((name) => runs.filter(({ selector }) => selector === name));
  const seeds = own[0]!.length;
  const truth = Array.from({ length: seeds }, () => queries.map(({ label }) => label)).flat();
  const predicted = own.map((each) => each.flatMap((run) => run.predicted));
  const all = [...new Set([...truth, ...predicted.flat()])];
  const perLabel = new Map<string, number>();
  for (const label of truth) perLabel.set(label, (perLabel.get(label) ?? 0) + 1);
  return {
    selectors,
    answers: truth.length,
    pairs: confusedPairs(truth, predicted, perLabel).slice(0, PAIRS),
    matrices:
      all.length === 0 || all.length > MATRIX_LABELS
        ? []
        : selectors.map((selector, i) => ({ selector, ...confusion(truth, predicted[i]!) })),
  };
}

function confusedPairs(
  truth: readonly string[],
  predicted: readonly (readonly string[])[],
  perLabel: ReadonlyMap<string, number>,
): ConfusedPair[] {
  const found = new Map<string, { truth: string; predicted: string; counts: number[] }>();
  predicted.forEach((answers, s) => {
    answers.forEach((answer, i) => {
      if (answer === truth[i]) return;
      const key = JSON.stringify([truth[i], answer]);
      const pair = found.get(key) ?? { truth: truth[i]!, predicted: answer, counts: predicted.map(() => 0) };
      pair.counts[s]!++;
      found.set(key, pair);
    });
  });
  return [...found]
    .sort(
      ([keyA, a], [keyB, b]) =>
        Math.max(...b.counts) - Math.max(...a.counts) || total(b) - total(a) || (keyA < keyB ? -1 : 1),
    )
    .map(([, pair]) => ({ ...pair, of: perLabel.get(pair.truth)! }));
}

const total = ({ counts }: { readonly counts: readonly number[] }): number =>
  counts.reduce((sum, count) => sum + count, 0);
