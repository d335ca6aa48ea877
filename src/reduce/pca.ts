/** Principal components of the indexed pool (DESIGN §2.7): rows lose their mean and are turned onto the leading directions. */
import { FungiError } from '../core/errors.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { centre, centredProduct } from './centred-product.js';
import { CovarianceAccumulator, type Moments } from './covariance.js';
import { rowsByBlock, type Columns } from './parts.js';
import type { Reducer, ReducerFitter } from './reducer.js';
import { leadingEigen } from './subspace.js';

export class Pca implements Reducer {
  readonly metric = 'l2';
  private readonly width: number;

  /**
   * @param mean of the pool [F]
   * @param components orthonormal rows, largest variance first, each with its largest-magnitude entry positive [P,F]; empty when
   *   centred only
   * @param variance along each component, n − 1 in the denominator [P]; empty when centred only
   * @param totalVariance over all F axes
   * @param rows n, the rows it was fitted on
   * @param centredOnly the pool was too small, or the features already narrow enough: the mean is taken off, P = F
   */
  constructor(
    readonly mean: Float32Array,
    readonly components: Float32Array,
    readonly variance: Float32Array,
    readonly totalVariance: number,
    readonly rows: number,
    readonly centredOnly: boolean,
    private readonly linalg: LinalgOptions = {},
  ) {
    this.width = mean.length;
  }

  get dims(): number {
    return this.centredOnly ? this.width : this.variance.length;
  }

  /** Share of the pool's variance that the P dimensions keep, 0 … 1. */
  get explained(): number {
    if (this.centredOnly || this.totalVariance === 0) return 1;
    const kept = this.variance.reduce((sum, value) => sum + value, 0);
    return Math.min(1, kept / this.totalVariance);
  }

  /**
   * [n,F] → [n,P]
   *
   * @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite
   */
  async transform(rows: Float32Array): Promise<Float32Array> {
    if (this.centredOnly) return centre(rows, this.mean);
    return centredProduct(rows, this.mean, this.components, this.linalg);
  }

  /** [n,F] → [n,Bk,P] @throws {FungiError} as {@link transform} */
  parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array> {
    return this.transform(rowsByBlock(rows, blocks, this.mean));
  }
}

/** Fits a {@link Pca} to rows that arrive in pieces; memory depends on F alone. */
export class PcaFitter implements ReducerFitter {
  private readonly accumulator: CovarianceAccumulator;

  /** @param width F */
  constructor(
    width: number,
    private readonly linalg: LinalgOptions = {},
  ) {
    if (!Number.isInteger(width) || width < 1) throw new FungiError('INVALID_ARGUMENT', `PCA of ${width} features`);
    this.accumulator = new CovarianceAccumulator(width, linalg);
  }

  /**
   * @param rows [n,F]; they may be reused afterwards
   * @throws {FungiError} INVALID_VECTOR naming the row, counted from the first ever added; nothing is added then
   */
  async add(rows: Float32Array): Promise<void> {
    await this.accumulator.add(rows);
  }

  /**
   * @param dims P
   * @throws {FungiError} INVALID_ARGUMENT when no row was added, or P is not a whole number from 1 up
   */
  async fit(dims: number): Promise<Pca> {
    assertDims(dims, 'PCA');
    if (this.accumulator.rows === 0) throw new FungiError('INVALID_ARGUMENT', 'PCA cannot be fitted: no row was added');
    return pcaOf(await this.accumulator.moments(), dims, this.linalg);
  }
}

/**
 * With n ≤ P rows or F ≤ P features there is nothing to choose: the result is centred only.
 *
 * @param dims P
 */
export async function pcaOf(
  { mean, covariance, rows }: Moments,
  dims: number,
  linalg: LinalgOptions = {},
): Promise<Pca> {
  const width = mean.length;
  let total = 0;
  for (let i = 0; i < width; i++) total += covariance[i * width + i]!;
  const middle = Float32Array.from(mean);
  if (rows <= dims || width <= dims) {
    return new Pca(middle, new Float32Array(0), new Float32Array(0), total, rows, true, linalg);
  }
  const { values, vectors } = await leadingEigen(covariance, width, dims, linalg);
  const variance = Float32Array.from(values, (value) => Math.max(0, value));
  return new Pca(middle, Float32Array.from(vectors), variance, total, rows, false, linalg);
}

/** @throws {FungiError} INVALID_ARGUMENT when P is not a whole number from 1 up */
export function assertDims(dims: number, what: string): void {
  if (Number.isInteger(dims) && dims >= 1) return;
  throw new FungiError('INVALID_ARGUMENT', `${what} to ${dims} dimensions: it must be a whole number from 1`);
}
