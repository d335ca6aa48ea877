/** Reductions behind one interface: those that the paper compares (Tables 20 and 21), and those that learn of labels. */
import { FungiError } from '../core/errors.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { countRows } from '../runtime/row-matrix.js';
import { BlendFitter, type BlendOptions } from './blend.js';
import { Identity } from './identity.js';
import { LdaFitter, type LdaOptions } from './lda.js';
import { assertDims, PcaFitter } from './pca.js';
import type { Entries } from './random-matrix.js';
import { RandomProjection } from './random-projection.js';
import type { Reducer, ReducerFitter } from './reducer.js';

export type Reduction =
  /** An index's own. */
  | { readonly kind: 'pca' }
  /** What tells labels apart; {@link LdaFitter}. */
  | ({ readonly kind: 'lda' } & LdaOptions)
  /** That beside a PCA; {@link BlendFitter}. */
  | ({ readonly kind: 'blend' } & BlendOptions)
  /** Features as they are, P = F. */
  | { readonly kind: 'none' }
  | { readonly kind: 'random'; readonly entries: Entries; readonly seed: number };

/**
 * Where F ≤ P there is nothing to reduce: PCA then centres only, and a random projection leaves features as they are.
 *
 * @param width F
 * @throws {FungiError} INVALID_ARGUMENT when F, or P later, is not a whole number from 1; INVALID_VECTOR for rows that are not [n,F] of
 *   finite numbers
 */
export function reducerFitter(reduction: Reduction, width: number, linalg: LinalgOptions = {}): ReducerFitter {
  if (reduction.kind === 'pca') return new PcaFitter(width, linalg);
  if (reduction.kind === 'lda') return new LdaFitter(width, reduction, linalg);
  if (reduction.kind === 'blend') return new BlendFitter(width, reduction, linalg);
  if (!isSize(width)) throw new FungiError('INVALID_ARGUMENT', `reduction of ${width} features`);
  if (reduction.kind === 'none') return new Unfitted(width, () => new Identity(width));
  const { entries, seed } = reduction;
  return new Unfitted(width, (dims) =>
    width <= dims ? new Identity(width) : new RandomProjection(entries, seed, width, dims, linalg),
  );
}

const isSize = (value: number): boolean => Number.isInteger(value) && value >= 1;

/** Learns nothing of the rows, and refuses those that a PCA would refuse. */
class Unfitted implements ReducerFitter {
  private rows = 0;

  constructor(
    private readonly width: number,
    private readonly make: (dims: number) => Reducer,
  ) {}

  async add(rows: Float32Array): Promise<void> {
    this.rows += countRows(rows, this.width, 'feature', this.rows);
    return Promise.resolve();
  }

  async fit(dims: number): Promise<Reducer> {
    assertDims(dims, 'reduction');
    return Promise.resolve(this.make(dims));
  }
}
