/**
 * Supervised and unsupervised parts beside each other: what labels tell apart, and what rows are like within a label and where labels
 * tell little. Each part is of unit length before its weight, so that the cosine of two vectors is the weighted mean of the parts' cosines.
 */
import { FungiError } from '../core/errors.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { beside } from '../runtime/row-matrix.js';
import { scaleRows } from './centred-product.js';
import type { LabelledStatistics } from './labelled-statistics.js';
import { assertSome, ldaOf, statisticsFor, type Lda, type LdaOptions } from './lda.js';
import { columnsWithin, scaleSums, type Columns } from './parts.js';
import { assertDims, pcaOf, type Pca } from './pca.js';
import type { Labels, Reducer, ReducerFitter } from './reducer.js';
import { StandIn } from './stand-in.js';

export interface BlendOptions extends LdaOptions {
  /** The supervised part's share of a vector's squared length, between 0 and 1. @default 0.5 */
  readonly share?: number | undefined;
}

export class Blend implements Reducer {
  readonly metric = 'cosine';

  /**
   * @param share the supervised part's, of a vector's squared length
   * @param first column of the rows that the unsupervised part begins at: it may read fewer than the supervised part does
   */
  constructor(
    readonly supervised: Lda,
    readonly unsupervised: Pca,
    readonly share: number,
    readonly first = 0,
  ) {}

  get dims(): number {
    return this.supervised.dims + this.unsupervised.dims;
  }

  get shrinkage(): number {
    return this.supervised.shrinkage;
  }

  /** [n,F] → [n,P] @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite */
  async transform(rows: Float32Array): Promise<Float32Array> {
    const { supervised, unsupervised, share } = this;
    const one = scaleRows(await supervised.transform(rows), supervised.dims, Math.sqrt(share));
    const other = scaleRows(await unsupervised.transform(this.read(rows)), unsupervised.dims, Math.sqrt(1 - share));
    return beside(one, supervised.dims, other, unsupervised.dims);
  }

  /** [n,F] → [n,Bk,P] @throws {FungiError} as {@link transform} */
  async parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array> {
    const { supervised, unsupervised, share } = this;
    const count = blocks.length;
    const own = columnsWithin(blocks, this.first, unsupervised.mean.length);
    const one = scaleSums(await supervised.parts(rows, blocks), count, supervised.dims, Math.sqrt(share));
    const parts = await unsupervised.parts(this.read(rows), own);
    const other = scaleSums(parts, count, unsupervised.dims, Math.sqrt(1 - share));
    return beside(one, supervised.dims, other, unsupervised.dims);
  }

  /** What the unsupervised part sees of rows. */
  private read(rows: Float32Array): Float32Array {
    return columnsOf(rows, this.supervised.mean.length, this.first, this.unsupervised.mean.length);
  }
}

/** Columns `first` … of rows [n,width]: [n,count] */
function columnsOf(rows: Float32Array, width: number, first: number, count: number): Float32Array {
  if (count === width) return rows;
  const out = new Float32Array((rows.length / width) * count);
  for (let row = 0; row * width < rows.length; row++) {
    out.set(rows.subarray(row * width + first, row * width + first + count), row * count);
  }
  return out;
}

/**
 * Fits a {@link Blend}: an LDA of the labelled rows, and a PCA of all of them. Memory depends on F and the number of classes alone. Of P
 * dimensions the LDA has half at most; where it has fewer, the PCA has the rest.
 */
export class BlendFitter implements ReducerFitter {
  private readonly statistics: LabelledStatistics;

  /** @param width F @throws {FungiError} INVALID_ARGUMENT for a width, a shrinkage or a share that cannot be */
  constructor(
    width: number,
    private readonly options: BlendOptions = {},
    private readonly linalg: LinalgOptions = {},
  ) {
    const { share = 0.5 } = options;
    if (!(share > 0 && share < 1)) {
      throw new FungiError(
        'INVALID_ARGUMENT',
        `blend with a supervised share of ${share}: it must lie between 0 and 1`,
        {
          hint: 'With a share of 0 it would be pca, with 1 lda.',
        },
      );
    }
    this.statistics = statisticsFor(width, options, linalg);
  }

  /** @throws {FungiError} INVALID_VECTOR naming the row, counted from the first ever added; nothing is added then */
  add(rows: Float32Array, labels: Labels, groups?: readonly number[]): Promise<void> {
    return this.statistics.add(rows, labels, groups);
  }

  /**
   * Where labels tell nothing it is the PCA alone, as in an LDA, and says so.
   *
   * @throws {FungiError} INVALID_ARGUMENT when no row was added, P is not a whole number from 2, or a shrinkage of 0 leaves a scatter
   *   that cannot be inverted
   */
  async fit(dims: number): Promise<Reducer> {
    assertDims(dims, 'blend');
    if (dims < 2) {
      throw new FungiError('INVALID_ARGUMENT', 'blend to 1 dimension: each of its parts takes one at least', {
        hint: 'Give 2 or more, or reduce by lda or pca.',
      });
    }
    const { statistics, linalg, options } = this;
    const { share = 0.5 } = options;
    assertSome(statistics, 'blend');
    const moments = await statistics.moments();
    const supervised = Math.max(1, Math.min(statistics.classes - 1, dims >> 1));
    const pca = await pcaOf(moments, dims - supervised, linalg);
    const beside = { rows: scaleRows(await pca.transform(statistics.sample().rows), pca.dims), share };
    const lda = await ldaOf(statistics, { ...options, dims: supervised, beside }, linalg);
    if (typeof lda === 'string') {
      return new StandIn(await pcaOf(moments, dims, linalg), `PCA in place of a blend: ${lda}`);
    }
    return new Blend(lda, pca, share);
  }
}
