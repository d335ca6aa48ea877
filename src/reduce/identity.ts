/** No reduction. Nor are rows centred: no Euclidean distance would change. */
import { countRows } from '../runtime/row-matrix.js';
import { rowsByBlock, type Columns } from './parts.js';
import type { Reducer } from './reducer.js';

export class Identity implements Reducer {
  readonly metric = 'l2';

  /** @param dims F, and P */
  constructor(readonly dims: number) {}

  /** The very rows that it is given. @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite */
  async transform(rows: Float32Array): Promise<Float32Array> {
    countRows(rows, this.dims, 'feature');
    return Promise.resolve(rows);
  }

  /** [n,F] → [n,Bk,F]. @throws {FungiError} as {@link transform} */
  parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array> {
    return this.transform(rowsByBlock(rows, blocks, new Float32Array(this.dims)));
  }
}
