/** Linear discriminant analysis (Fisher 1936; Rao 1948): class-mean directions after whitening within classes, with a shrunk scatter. */
import { FungiError } from '../core/errors.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { centredProduct } from './centred-product.js';
import { discriminantDirections } from './discriminant.js';
import { LabelledStatistics } from './labelled-statistics.js';
import { rowsByBlock, type Columns } from './parts.js';
import { assertDims, pcaOf } from './pca.js';
import type { Labels, Reducer, ReducerFitter } from './reducer.js';
import { scatterOf } from './scatter.js';
import { SAMPLE_ROWS } from './held-out.js';
import { chooseShrinkage, type ShrinkageChoice, type ShrinkageOptions } from './shrinkage.js';
import { StandIn } from './stand-in.js';

export interface LdaOptions {
  /** s in (1 − s)·Sw + s·tr(Sw)/F·I, 0 … 1; `auto` takes the one that does best on held-out rows of the pool. @default 'auto' */
  readonly shrinkage?: number | 'auto' | undefined;
  /** Draws what is held out. @default 0 */
  readonly seed?: number | undefined;
}

export class Lda implements Reducer {
  /** Along one direction all rows of a side are at cosine 1. */
  readonly metric: 'l2' | 'cosine';

  /**
   * @param mean of the labelled rows [F]
   * @param directions class-mean directions times the whitening, each with its largest-magnitude entry positive [P,F]
   * @param choice of the shrinkage; one that was given has no scores
   */
  constructor(
    readonly mean: Float32Array,
    readonly directions: Float32Array,
    readonly choice: ShrinkageChoice,
    private readonly linalg: LinalgOptions = {},
  ) {
    this.metric = this.dims === 1 ? 'l2' : 'cosine';
  }

  get dims(): number {
    return this.directions.length / this.mean.length;
  }

  get shrinkage(): number {
    return this.choice.shrinkage;
  }

  /** [n,F] → [n,P] @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite */
  transform(rows: Float32Array): Promise<Float32Array> {
    return centredProduct(rows, this.mean, this.directions, this.linalg);
  }

  /** [n,F] → [n,Bk,P] @throws {FungiError} as {@link transform} */
  parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array> {
    return this.transform(rowsByBlock(rows, blocks, this.mean));
  }
}

/**
 * Fits an {@link Lda} to rows that arrive in pieces; memory depends on F and the number of classes alone. Rows without a label take no
 * part. A class of one row has a mean, and adds nothing to the scatter.
 */
export class LdaFitter implements ReducerFitter {
  private readonly statistics: LabelledStatistics;

  /** @param width F @throws {FungiError} INVALID_ARGUMENT for a width or a shrinkage that cannot be */
  constructor(
    width: number,
    private readonly options: LdaOptions = {},
    private readonly linalg: LinalgOptions = {},
  ) {
    this.statistics = statisticsFor(width, options, linalg);
  }

  /** @throws {FungiError} INVALID_VECTOR naming the row, counted from the first ever added; nothing is added then */
  add(rows: Float32Array, labels: Labels, groups?: readonly number[]): Promise<void> {
    return this.statistics.add(rows, labels, groups);
  }

  /**
   * P is C − 1 at most. Where labels tell nothing, since there are fewer than two or their means are the same, it is a PCA of all rows
   * instead, and says so.
   *
   * @throws {FungiError} INVALID_ARGUMENT when no row was added, P is not a whole number from 1, or a shrinkage of 0 leaves a scatter
   *   that cannot be inverted
   */
  async fit(dims: number): Promise<Reducer> {
    assertDims(dims, 'LDA');
    const { statistics, linalg } = this;
    assertSome(statistics, 'LDA');
    const lda = await ldaOf(statistics, { ...this.options, dims }, linalg);
    if (typeof lda !== 'string') return lda;
    return new StandIn(await pcaOf(await statistics.moments(), dims, linalg), `PCA in place of LDA: ${lda}`);
  }
}

/** @throws {FungiError} INVALID_ARGUMENT */
export function statisticsFor(
  width: number,
  { shrinkage = 'auto', seed = 0 }: LdaOptions,
  linalg: LinalgOptions,
): LabelledStatistics {
  if (!Number.isInteger(width) || width < 1) throw new FungiError('INVALID_ARGUMENT', `LDA of ${width} features`);
  if (shrinkage !== 'auto' && !(shrinkage >= 0 && shrinkage <= 1)) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `LDA with shrinkage ${shrinkage}: it must be a number from 0 to 1, or auto`,
    );
  }
  return new LabelledStatistics(width, shrinkage === 'auto' ? { rows: SAMPLE_ROWS, seed } : undefined, linalg);
}

export function assertSome({ rows }: LabelledStatistics, what: string): void {
  if (rows === 0) throw new FungiError('INVALID_ARGUMENT', `${what} cannot be fitted: no row was added`);
}

/** What an LDA is fitted to. */
export type LdaTask = Pick<LabelledStatistics, 'classes' | 'classSums' | 'sample'>;

/** Or why there is none. */
export async function ldaOf(
  statistics: LdaTask,
  { shrinkage = 'auto', seed = 0, dims, beside }: LdaOptions & Pick<ShrinkageOptions, 'dims' | 'beside'>,
  linalg: LinalgOptions,
): Promise<Lda | string> {
  const { classes } = statistics;
  if (classes === 0) return 'no row has a label';
  if (classes === 1) return 'all rows have one label';
  const sums = await statistics.classSums();
  const choice: ShrinkageChoice =
    shrinkage === 'auto'
      ? await chooseShrinkage(sums, statistics.sample(), { dims, seed, ...(beside && { beside }), ...linalg })
      : { shrinkage, scores: [] };
  const scatter = await scatterOf(sums, linalg);
  const directions = await discriminantDirections(scatter, { shrinkage: choice.shrinkage, dims, ...linalg });
  if (directions.length === 0) return 'the means of all labels are the same';
  return new Lda(Float32Array.from(scatter.mean), Float32Array.from(directions), choice, linalg);
}
