/**
 * What predictions and rankings are worth. All functions are pure; a ratio is a fraction of 1, and 0 where there is nothing to divide
 * by (scikit-learn's `zero_division=0`). What is measured query by query stays so, for paired tests need each query's score;
 * simple-statistics has the `mean`.
 */
import { mean, sum } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';

/** Who was taken for whom. */
export interface Confusion {
  /** Every label that is true or predicted of some item, sorted by code unit [C]. */
  readonly labels: readonly string[];
  /** Items by true label (row) and predicted label (column) [C][C]. */
  readonly counts: readonly (readonly number[])[];
}

/** How one class fared. */
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

/** For one query, whether each neighbour, the nearest first, has the query's label [≥0]. */
export type OwnLabel = readonly boolean[];

/**
 * Counts the pairs of true and predicted label.
 *
 * @param truth [n]
 * @param predicted [n]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function confusion(truth: readonly string[], predicted: readonly string[]): Confusion {
  assertPaired(truth, predicted, 'predictions');
  const labels = [...new Set([...truth, ...predicted])].sort();
  const position = new Map(labels.map((label, i) => [label, i]));
  const counts = labels.map(() => labels.map(() => 0));
  truth.forEach((label, i) => counts[position.get(label)!]![position.get(predicted[i]!)!]!++);
  return { labels, counts };
}

/** Support, precision, recall and F1 of every class, in the order of the confusion's labels [C]. */
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

/**
 * Mean F1 over classes (scikit-learn's `f1_score`, `average="macro"`).
 *
 * @param labels classes to average over; one that no item has or is predicted to have counts 0. The default follows scikit-learn, but
 *   there a wrong label that no item has is one class more. To compare methods, give them all the same: the labels of the truth.
 * @throws {FungiError} INVALID_ARGUMENT for no labels
 */
export function macroF1(table: Confusion, labels: readonly string[] = table.labels): number {
  if (labels.length === 0) throw new FungiError('INVALID_ARGUMENT', 'a mean over classes needs at least one class');
  const f1 = new Map(classScores(table).map((score) => [score.label, score.f1]));
  return mean(labels.map((label) => f1.get(label) ?? 0));
}

/** Mean of the classes' own accuracies, over classes that items have, large and small alike (scikit-learn's `balanced_accuracy_score`). */
export function meanPerClassAccuracy(table: Confusion): number {
  const present = classScores(table).filter(({ support }) => support > 0);
  return mean(present.map(({ recall }) => recall));
}

/**
 * Which neighbours have their query's label: the relevance that the scores below read.
 *
 * @param truth the queries' labels [n]
 * @param neighbours labels of each query's neighbours, nearest first [n][≥0]
 * @returns [n][≥0]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function ownLabels(truth: readonly string[], neighbours: readonly (readonly string[])[]): OwnLabel[] {
  assertPaired(truth, neighbours, 'neighbour lists');
  return neighbours.map((labels, i) => labels.map((label) => label === truth[i]));
}

/**
 * 1 when one of the k nearest has the query's label, else 0: whether a prompt of k examples can show it.
 *
 * @throws {FungiError} INVALID_ARGUMENT unless k is a positive integer
 */
export function labelHitAt(k: number, own: OwnLabel): 0 | 1 {
  return nearest(k, own).includes(true) ? 1 : 0;
}

/**
 * Share of the k nearest, or of all where there are fewer, that have the query's label.
 *
 * @throws {FungiError} INVALID_ARGUMENT unless k is a positive integer
 */
export function sameLabelShareAt(k: number, own: OwnLabel): number {
  const shown = nearest(k, own);
  return ratio(countOf(shown), shown.length);
}

/** 1/rank of the nearest neighbour with the query's label, 0 where none has it (Voorhees 1999). */
export function reciprocalRank(own: OwnLabel): number {
  const place = own.indexOf(true);
  return place < 0 ? 0 : 1 / (place + 1);
}

/** Mean of {@link reciprocalRank} over queries [n]. @throws {FungiError} INVALID_ARGUMENT for no queries */
export function meanReciprocalRank(own: readonly OwnLabel[]): number {
  assertSome(own);
  return mean(own.map(reciprocalRank));
}

/**
 * Share of the pool's examples with the query's label that are among its k nearest.
 *
 * @param relevant how many the pool has
 * @throws {FungiError} INVALID_ARGUMENT unless k is a positive integer and `relevant` a count of at least those in the list
 */
export function recallAt(k: number, own: OwnLabel, relevant: number): number {
  assertRelevant(own, relevant);
  return ratio(countOf(nearest(k, own)), relevant);
}

/**
 * Mean over the pool's examples with the query's label of the precision down to each; those that the list lacks count 0 (Manning,
 * Raghavan & Schütze 2008, §8.4). Of a list of the whole pool it is scikit-learn's `average_precision_score`, but for ties: there
 * examples of equal score share the precision at the end of their tie, here the list's order is the ranking. A list of k can reach
 * k/relevant at most.
 *
 * @param relevant how many the pool has
 * @throws {FungiError} INVALID_ARGUMENT unless `relevant` is a count of at least those in the list
 */
export function averagePrecision(own: OwnLabel, relevant: number): number {
  assertRelevant(own, relevant);
  let found = 0;
  let total = 0;
  own.forEach((same, place) => {
    if (same) total += ++found / (place + 1);
  });
  return ratio(total, relevant);
}

/**
 * Mean of {@link averagePrecision} over queries.
 *
 * @param own [n][≥0]
 * @param relevant for each query [n]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length, and as {@link averagePrecision}
 */
export function meanAveragePrecision(own: readonly OwnLabel[], relevant: readonly number[]): number {
  assertPaired(own, relevant, 'counts');
  return mean(own.map((list, i) => averagePrecision(list, relevant[i]!)));
}

function nearest(k: number, own: OwnLabel): OwnLabel {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new FungiError('INVALID_ARGUMENT', `k must be a positive integer, got ${k}`);
  }
  return own.slice(0, k);
}

function assertRelevant(own: OwnLabel, relevant: number): void {
  if (!Number.isSafeInteger(relevant) || relevant < countOf(own)) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${countOf(own)} neighbours have the query's label, but the pool is said to have ${relevant}`,
    );
  }
}

function assertPaired(queries: ArrayLike<unknown>, others: ArrayLike<unknown>, name: string): void {
  if (queries.length !== others.length) {
    throw new FungiError('INVALID_ARGUMENT', `${queries.length} items, but ${others.length} ${name}`);
  }
  assertSome(queries);
}

function assertSome(queries: ArrayLike<unknown>): void {
  if (queries.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there is nothing to score: no items');
}

const countOf = (own: OwnLabel): number => own.filter(Boolean).length;
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
