/**
 * How much the parts of a blend count. Rows are stored once, at equal shares: [√½·u, √½·p] with u, of the supervised part, and p of unit length.
 * At a supervised share s the cosine of two of them is s·cos(u) + (1 − s)·cos(p). Since a part is as long in one row as in the other, that is the
 * inner product of a stored row and a query whose parts are scaled by 2s and 2(1 − s): one table serves every share. A part that is all zeros
 * stays so, and is at cosine 0 to everything.
 */
import { FungiError } from '../core/errors.js';

/** The supervised part's, 0 to 1: 1 is what tells labels apart alone, 0 the PCA alone. */
export interface Shares {
  /** Where examples are chosen. */
  readonly selection: number;
  /** Where neighbours vote. */
  readonly vote: number;
}

/** What rows are stored at. */
export const STORED_SHARE = 0.5;

/** @param supervised width of the supervised part: of one direction a cosine knows the sign alone, and cannot say who is near */
export const defaultShares = (supervised: number): Shares => ({
  selection: STORED_SHARE,
  vote: supervised > 1 ? 1 : STORED_SHARE,
});

/** Widths of a vector's parts. */
export interface Parts {
  readonly supervised: number;
  readonly unsupervised: number;
}

/**
 * What to multiply stored rows with for their cosines at a share.
 *
 * @param vectors in stored form [q,P]
 * @returns [q,P]
 */
export const queriesAt = (share: number, vectors: Float32Array, parts: Parts): Float32Array =>
  scaled(vectors, parts, 2 * share, 2 * (1 - share));

/**
 * Vectors as a blend at that share would have them: their own cosines are those of the share.
 *
 * @param vectors in stored form [n,P]
 * @returns [n,P]
 */
export const rowsAt = (share: number, vectors: Float32Array, parts: Parts): Float32Array =>
  scaled(vectors, parts, Math.sqrt(2 * share), Math.sqrt(2 * (1 - share)));

/** @throws {FungiError} INVALID_VECTOR for vectors of other parts */
function scaled(vectors: Float32Array, { supervised, unsupervised }: Parts, one: number, other: number): Float32Array {
  const dims = supervised + unsupervised;
  if (vectors.length % dims !== 0) {
    throw new FungiError(
      'INVALID_VECTOR',
      `${vectors.length} values are no vectors of ${supervised} + ${unsupervised}`,
    );
  }
  return vectors.map((value, at) => value * (at % dims < supervised ? one : other));
}
