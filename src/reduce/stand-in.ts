/** A reducer in place of the one asked for, which the rows do not allow. */
import type { Columns } from './parts.js';
import type { Reducer } from './reducer.js';

export class StandIn implements Reducer {
  /** @param instead why */
  constructor(
    readonly reducer: Reducer,
    readonly instead: string,
  ) {}

  get dims(): number {
    return this.reducer.dims;
  }

  get metric(): Reducer['metric'] {
    return this.reducer.metric;
  }

  transform(rows: Float32Array): Promise<Float32Array> {
    return this.reducer.transform(rows);
  }

  parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array> {
    return this.reducer.parts(rows, blocks);
  }
}
