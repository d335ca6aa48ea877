/**
 * Multinomial logistic regression without an intercept: weights W [C,P] that minimise
 *
 *   (1/n)·Σ −log softmax(W·x)_y + (λ/2)·‖W‖²
 *
 * This is cyanure's objective for `multiclass-logistic` with the penalty `l2` (Mairal 2019), which the paper uses (Appendix B);
 * scikit-learn's LogisticRegression has it with C = 1/(λ·n) and `fit_intercept=False` for three classes and more. With two, both of
 * them fit one vector for the second class, and its penalty is twice that of the two opposite halves that are fitted here.
 */
import { FungiError } from '../../core/errors.js';
import { matmul, type LinalgOptions } from '../../runtime/linalg.js';
import { countRows } from '../../runtime/row-matrix.js';
import { assertFeatures, classesOf, type Classes, type LabelledFeatures } from '../features/labelled-features.js';
import { minimise } from './lbfgs.js';
import { dot, type Objective } from './line-search.js';

export interface LogisticOptions {
  /** λ, above 0. */
  readonly l2: number;
  /** @default 300 */
  readonly maxIterations?: number;
  /**
   * How far above the minimum the objective may end, as a share of itself.
   *
   * @default 1e-6
   */
  readonly tolerance?: number;
  /** A model to begin with, as that of another λ; classes it lacks begin at 0. @default all weights 0 */
  readonly start?: LogisticModel;
  readonly runtime?: LinalgOptions;
  readonly onIteration?: (iteration: number) => void;
}

export interface LogisticFit {
  readonly model: LogisticModel;
  readonly objective: number;
  /** The objective is at most this share of itself above its minimum. */
  readonly gap: number;
  /** Whether `gap` is within the tolerance. */
  readonly converged: boolean;
  readonly iterations: number;
  /** Passes over the training set. */
  readonly evaluations: number;
}

const MAX_ITERATIONS = 300;
const TOLERANCE = 1e-6;

export class LogisticModel {
  /**
   * @param classes [C]
   * @param weights [C,P]
   */
  constructor(
    readonly classes: readonly string[],
    readonly dims: number,
    readonly weights: Float64Array,
  ) {}

  /**
   * The class of the highest score of each row, the first among equals.
   *
   * @param rows [n,P]
   * @throws {FungiError} INVALID_VECTOR for rows of another width, or not finite
   */
  async predict(rows: Float32Array, runtime: LinalgOptions = {}): Promise<string[]> {
    const count = countRows(rows, this.dims, 'row');
    const width = this.classes.length;
    const shape = { m: count, k: this.dims, n: width, transB: true };
    const scores = await matmul(new Float64Array(rows), this.weights, shape, runtime);
    return Array.from({ length: count }, (_, i) => {
      let best = 0;
      for (let c = 1; c < width; c++) if (scores[i * width + c]! > scores[i * width + best]!) best = c;
      return this.classes[best]!;
    });
  }
}

/**
 * Fits a model with L-BFGS, in float64. Deterministic. A fit that stops early says so in `converged`.
 *
 * @throws {FungiError} INVALID_ARGUMENT when `l2` or `tolerance` is not above 0, and as `assertFeatures`; INVALID_DATA for fewer than
 *   two labels; INVALID_VECTOR
 */
export async function fitLogistic(train: LabelledFeatures, options: LogisticOptions): Promise<LogisticFit> {
  const { l2, maxIterations = MAX_ITERATIONS, tolerance = TOLERANCE, start, runtime, onIteration } = options;
  assertFeatures(train, 'training row');
  assertPositive('l2', l2);
  assertPositive('tolerance', tolerance);
  const classes = classesOf(train.labels);
  // The objective is λ-strongly convex, so that it is at most ‖gradient‖²/(2λ) above its minimum.
  const gapAt = ({ value, gradient }: { value: number; gradient: Float64Array }): number =>
    dot(gradient, gradient) / (2 * l2 * value);
  const end = await minimise(regularisedLoss(train, classes, l2, runtime), startAt(classes.names, train.dims, start), {
    maxIterations,
    converged: (at) => gapAt(at) <= tolerance,
    ...(onIteration && { onIteration }),
  });
  return {
    model: new LogisticModel(classes.names, train.dims, end.point),
    objective: end.value,
    gap: gapAt(end),
    converged: end.stopped === 'converged',
    iterations: end.iterations,
    evaluations: end.evaluations,
  };
}

function regularisedLoss(
  { rows, dims }: LabelledFeatures,
  { names, codes }: Classes,
  l2: number,
  runtime?: LinalgOptions,
): Objective {
  const x = new Float64Array(rows);
  const count = codes.length;
  const width = names.length;
  return async (weights) => {
    const scores = await matmul(x, weights, { m: count, k: dims, n: width, transB: true }, runtime);
    const loss = toResiduals(scores, codes, width);
    const products = await matmul(scores, x, { m: width, k: count, n: dims, transA: true }, runtime);
    const gradient = products.map((value, i) => value / count + l2 * weights[i]!);
    return { value: loss / count + (l2 / 2) * dot(weights, weights), gradient };
  };
}

/** Turns scores [n,C] into softmax − one-hot of the class, in place, and returns the sum of −log softmax of the class. */
function toResiduals(scores: Float64Array, codes: Int32Array, width: number): number {
  let loss = 0;
  for (let i = 0, from = 0; i < codes.length; i++, from += width) {
    let largest = -Infinity;
    for (let c = from; c < from + width; c++) largest = Math.max(largest, scores[c]!);
    const own = from + codes[i]!;
    const ownScore = scores[own]! - largest;
    let total = 0;
    for (let c = from; c < from + width; c++) {
      const power = Math.exp(scores[c]! - largest);
      scores[c] = power;
      total += power;
    }
    loss += Math.log(total) - ownScore;
    for (let c = from; c < from + width; c++) scores[c]! /= total;
    scores[own]! -= 1;
  }
  return loss;
}

function startAt(names: readonly string[], dims: number, start: LogisticModel | undefined): Float64Array {
  const weights = new Float64Array(names.length * dims);
  if (start === undefined) return weights;
  if (start.dims !== dims) {
    throw new FungiError('INVALID_ARGUMENT', `the model to begin with takes rows of ${start.dims} values, not ${dims}`);
  }
  const place = new Map(start.classes.map((name, c) => [name, c]));
  names.forEach((name, c) => {
    const from = place.get(name);
    if (from !== undefined) weights.set(start.weights.subarray(from * dims, (from + 1) * dims), c * dims);
  });
  return weights;
}

function assertPositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new FungiError('INVALID_ARGUMENT', `${name} must be above 0, got ${value}`);
  }
}
