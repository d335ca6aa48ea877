/** What turns full features into the vectors that are stored and searched. */
import type { Columns } from './parts.js';

export interface Reducer {
  /** P, the width of what {@link transform} gives. */
  readonly dims: number;
  /** The distance that its vectors are made for. */
  readonly metric: 'l2' | 'cosine';
  /** Of the within-class scatter, where one was taken. */
  readonly shrinkage?: number;
  /** Why it is another reduction than the one asked for. */
  readonly instead?: string;
  /** @param rows [n,F] @returns [n,P] */
  transform(rows: Float32Array): Promise<Float32Array>;
  /**
   * What each block of columns adds to the vectors: over the blocks they sum to what {@link transform} gives.
   *
   * @param rows [n,F]
   * @param blocks Bk of them, which make up a row
   * @returns [n,Bk,P]
   */
  parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array>;
}

/** Makes a {@link Reducer} of the pool's rows, which come in pieces. */
export interface ReducerFitter {
  /**
   * @param rows [n,F]; they may be reused afterwards
   * @param labels of the rows [n], undefined for one that has none; what learns of rows alone does not look at them
   * @param groups of each row a number that its copies share, for what holds rows out [n]. @default none is a copy
   */
  add(rows: Float32Array, labels: Labels, groups?: readonly number[]): Promise<void>;
  /** @param dims P */
  fit(dims: number): Promise<Reducer>;
}

export type Labels = readonly (string | undefined)[];
