/** What the evaluation protocols take: a feature vector and a label for each item, wherever they come from. */
import { FungiError } from '../../core/errors.js';
import { countRows } from '../../runtime/row-matrix.js';

export interface FeatureMatrix {
  /** [n,P] */
  readonly rows: Float32Array;
  /** P */
  readonly dims: number;
}

export interface LabelledFeatures extends FeatureMatrix {
  /** [n] */
  readonly labels: readonly string[];
}

/** Labels as numbers. */
export interface Classes {
  /** The different labels, sorted by code unit [C]. */
  readonly names: readonly string[];
  /** For each item the number of its label's name [n]. */
  readonly codes: Int32Array;
}

/**
 * How many rows there are.
 *
 * @param what names the rows in the error, e.g. "training row"
 * @throws {FungiError} INVALID_ARGUMENT when `dims` is not a positive integer or there are no rows; INVALID_VECTOR when the values
 *   do not fill whole rows, or one is not finite
 */
export function assertRows({ rows, dims }: FeatureMatrix, what: string): number {
  if (!Number.isSafeInteger(dims) || dims < 1) {
    throw new FungiError('INVALID_ARGUMENT', `${what}: dims must be a positive integer, got ${dims}`);
  }
  const count = countRows(rows, dims, what);
  if (count === 0) throw new FungiError('INVALID_ARGUMENT', `${what}: there are none`);
  return count;
}

/**
 * How many items there are.
 *
 * @throws {FungiError} as {@link assertRows}, and INVALID_ARGUMENT unless there is one label a row
 */
export function assertFeatures(features: LabelledFeatures, what: string): number {
  const count = assertRows(features, what);
  if (features.labels.length !== count) {
    throw new FungiError('INVALID_ARGUMENT', `${what}: ${count} vectors, but ${features.labels.length} labels`);
  }
  return count;
}

/**
 * Numbers the labels.
 *
 * @throws {FungiError} INVALID_DATA for fewer than two different labels: there is nothing to tell apart
 */
export function classesOf(labels: readonly string[]): Classes {
  const names = [...new Set(labels)].sort();
  if (names.length < 2) {
    throw new FungiError('INVALID_DATA', `two labels at least are needed, found ${names.length}`);
  }
  const code = new Map(names.map((name, c) => [name, c]));
  return { names, codes: Int32Array.from(labels, (label) => code.get(label)!) };
}

/**
 * The rows of these numbers, in their order, copied.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a number that is not a row's
 */
export function selectRows({ rows, dims, labels }: LabelledFeatures, numbers: readonly number[]): LabelledFeatures {
  const selected = new Float32Array(numbers.length * dims);
  numbers.forEach((row, i) => {
    if (!Number.isSafeInteger(row) || row < 0 || row >= labels.length) {
      throw new FungiError('INVALID_ARGUMENT', `there is no row ${row}: the features have ${labels.length}`);
    }
    selected.set(rows.subarray(row * dims, (row + 1) * dims), i * dims);
  });
  return { rows: selected, dims, labels: numbers.map((row) => labels[row]!) };
}
