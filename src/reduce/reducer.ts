/** What turns full features into the vectors that are stored and searched. */
export interface Reducer {
  /** P, the width of what {@link transform} gives. */
  readonly dims: number;
  /** @param rows [n,F] @returns [n,P] */
  transform(rows: Float32Array): Promise<Float32Array>;
}

/** Makes a {@link Reducer} of the pool's rows, which come in pieces. */
export interface ReducerFitter {
  /** @param rows [n,F] */
  add(rows: Float32Array): Promise<void>;
  /** @param dims P */
  fit(dims: number): Promise<Reducer>;
}
