import { FungiError } from '../core/errors.js';

/** Who was taken for whom. */
export interface Confusion {
  /** Every label that is true or predicted of some item, sorted [C]. */
  readonly labels: readonly string[];
  /** Items by true label (row) and predicted label (column) [C][C]. */
  readonly counts: readonly (readonly number[])[];
}

/** How one class fared; ratios are fractions of 1, and 0 where nothing was to be divided. */
export interface ClassScore {
  readonly label: string;
  /** Items that truly are of the class. */
  readonly support: number;
  /** Of the items predicted to be of the class, the share that are. */
  readonly precision: number;
  /** Of the items of the class, the share predicted to be: the class's own accuracy. */
  readonly recall: number;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
}

/**
 * 1 where the prediction is right, 0 elsewhere [n].
 *
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function correctness(truth: readonly string[], predicted: readonly string[]): Uint8Array {
  assertPaired(truth, predicted, 'labels', 'predictions');
  return Uint8Array.from(truth, (label, i) => (label === predicted[i] ? 1 : 0));
}

/** Share of right predictions. @throws {FungiError} INVALID_ARGUMENT as {@link correctness} */
export function accuracy(truth: readonly string[], predicted: readonly string[]): number {
  return correctness(truth, predicted).reduce((sum, right) => sum + right, 0) / truth.length;
}

/** Counts the pairs of true and predicted label. @throws {FungiError} INVALID_ARGUMENT as {@link correctness} */
export function confusion(truth: readonly string[], predicted: readonly string[]): Confusion {
  assertPaired(truth, predicted, 'labels', 'predictions');
  const labels = [...new Set([...truth, ...predicted])].sort();
  const position = new Map(labels.map((label, i) => [label, i]));
  const counts = labels.map(() => labels.map(() => 0));
  truth.forEach((label, i) => counts[position.get(label)!]![position.get(predicted[i]!)!]!++);
  return { labels, counts };
}

/** Precision, recall and F1 of every class, in the order of the confusion's labels [C]. */
export function classScores({ labels, counts }: Confusion): ClassScore[] {
  return labels.map((label, c) => {
    const right = counts[c]![c]!;
    const support = sum(counts[c]!);
    const claimed = sum(counts.map((row) => row[c]!));
    return {
      label,
      support,
      precision: ratio(right, claimed),
      recall: ratio(right, support),
      f1: ratio(2 * right, claimed + support),
    };
  });
}

/** Mean F1 over every class that is true or predicted of some item (scikit-learn's f1_score, average="macro"). */
export function macroF1(table: Confusion): number {
  return mean(classScores(table).map(({ f1 }) => f1));
}

/** Mean over the classes of their own accuracy: each class counts the same, whatever its size ("mean per class", balanced accuracy). */
export function meanPerClassAccuracy(table: Confusion): number {
  return mean(
    classScores(table)
      .filter(({ support }) => support > 0)
      .map(({ recall }) => recall),
  );
}

/**
 * Share of queries with an example of their own label among their k nearest: what a prompt of k examples can show the LLM.
 *
 * @param truth the queries' labels [n]
 * @param neighbours labels of each query's neighbours, nearest first [n][≥0]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length, or k is not a positive integer
 */
export function labelHitAt(k: number, truth: readonly string[], neighbours: readonly (readonly string[])[]): number {
  return mean(nearest(k, truth, neighbours).map((labels, i) => (labels.includes(truth[i]!) ? 1 : 0)));
}

/**
 * Mean over queries of the share of their k nearest (or fewer, where there are fewer) that have the query's label; 0 for a
 * query without neighbours. Parameters and errors as {@link labelHitAt}.
 */
export function sameLabelShareAt(
  k: number,
  truth: readonly string[],
  neighbours: readonly (readonly string[])[],
): number {
  return mean(
    nearest(k, truth, neighbours).map((labels, i) =>
      ratio(labels.filter((label) => label === truth[i]).length, labels.length),
    ),
  );
}

function nearest(
  k: number,
  truth: readonly string[],
  neighbours: readonly (readonly string[])[],
): (readonly string[])[] {
  if (!Number.isSafeInteger(k) || k < 1)
    throw new FungiError('INVALID_ARGUMENT', `k must be a positive integer, got ${k}`);
  assertPaired(truth, neighbours, 'labels', 'neighbour lists');
  return neighbours.map((labels) => labels.slice(0, k));
}

function assertPaired(a: { readonly length: number }, b: { readonly length: number }, as: string, bs: string): void {
  if (a.length !== b.length) throw new FungiError('INVALID_ARGUMENT', `${a.length} ${as}, but ${b.length} ${bs}`);
  if (a.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there is nothing to score: no items');
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
