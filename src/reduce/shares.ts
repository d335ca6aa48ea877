/**
 * Which part of a blend decides, and how much. Rows are stored once, at equal shares: u and p, each of length √½. The cosine at share s is
 * s·cos(u) + (1 − s)·cos(p), and since a part has one length in all rows, it is the inner product of a stored row and of a query whose parts are
 * scaled by 2s and 2(1 − s). So one table serves every share. A part that is all zeros is at cosine 0 to everything.
 */

/** The supervised part's, 0 to 1: 1 is what tells labels apart alone, 0 the PCA alone. */
export interface Shares {
  /** In the space that examples are chosen in. */
  readonly selection: number;
  /** In the space whose neighbours vote. */
  readonly vote: number;
}

/** What rows are stored at. */
export const STORED_SHARE = 0.5;

/**
 * @param supervised width of the supervised part: of one direction a cosine knows the sign alone, and cannot say who is near
 */
export const defaultShares = (supervised: number): Shares => ({
  selection: STORED_SHARE,
  vote: supervised > 1 ? 1 : STORED_SHARE,
});
