import { FungiError } from '../../core/errors.js';
import { Rng } from '../../core/rng.js';
import { groupRows } from '../../core/group-rows.js';

/**
 * What "N shots" of C classes means.
 * - `per-class`: N rows of every class, all of a class that has fewer. What the word says, and what `--shots` does by default.
 * - `proportional`: N·C rows in all, shared out by class frequency: the reference knn.py for text (scikit-learn's
 *   StratifiedShuffleSplit with train_size N·C).
 * - `first`: the first N rows of every class in the order of the training set, the same under every seed: the reference
 *   code for images, and what the published figures for text agree with (docs/results.md).
 */
export const SHOT_SAMPLINGS = ['per-class', 'proportional', 'first'] as const;
export type ShotSampling = (typeof SHOT_SAMPLINGS)[number];

export interface ShotOptions {
  /** N, at least 1. */
  readonly shots: number;
  /** Default `per-class`. */
  readonly sampling?: ShotSampling | undefined;
  readonly seed: number;
}

/**
 * Rows of a few-shot training set, ascending (as the reference sorts them: row order decides ties between neighbours).
 * Classes are drawn independently: but under `proportional`, the rows of N shots are among those of N+1 with the same seed.
 *
 * @param labels the training set's labels [n]
 * @throws {FungiError} INVALID_ARGUMENT when `shots` is not a positive integer or there are no labels
 */
export function sampleShots(labels: readonly string[], { shots, sampling = 'per-class', seed }: ShotOptions): number[] {
  if (!Number.isSafeInteger(shots) || shots < 1) {
    throw new FungiError('INVALID_ARGUMENT', `shots must be a positive integer, got ${shots}`);
  }
  if (labels.length === 0) throw new FungiError('INVALID_ARGUMENT', 'cannot sample shots from an empty training set');
  const classes = [...groupRows(labels)].sort(([a], [b]) => (a < b ? -1 : 1));
  const sizes = classes.map(([, rows]) => rows.length);
  const counts =
    sampling === 'proportional'
      ? proportionalCounts(sizes, shots * classes.length, Rng.stream(seed, 'few-shot', 'ties'))
      : sizes.map((size) => Math.min(size, shots));
  const chosen = ([label, rows]: readonly [string, readonly number[]], count: number): readonly number[] =>
    sampling === 'first'
      ? rows.slice(0, count)
      : Rng.stream(seed, 'few-shot', label)
          .sample(rows.length, count)
          .map((i) => rows[i]!);
  return classes.flatMap((rowsOfClass, c) => chosen(rowsOfClass, counts[c]!)).sort((a, b) => a - b);
}

/**
 * Shares `draws` out over classes by size, as StratifiedShuffleSplit does: the whole part of draws·size/total each, the rest
 * to the largest remainders, equal remainders at random. Remainders are compared as integers, so that a tie is a tie.
 *
 * @param sizes rows of each class [C]
 * @param draws rows wanted; all rows when there are fewer
 * @returns rows to draw of each class [C]
 */
export function proportionalCounts(sizes: readonly number[], draws: number, rng: Rng): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (draws >= total) return [...sizes];
  const counts = sizes.map((size) => Math.floor((size * draws) / total));
  const missing = draws - counts.reduce((sum, count) => sum + count, 0);
  const remainder = (c: number): number => (sizes[c]! * draws) % total;
  const inRandomOrder = rng.sample(sizes.length, sizes.length);
  for (const c of inRandomOrder.sort((a, b) => remainder(b) - remainder(a)).slice(0, missing)) counts[c]!++;
  return counts;
}
