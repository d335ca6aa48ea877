/** No reduction. Nor are rows centred: no Euclidean distance would change. */
import { countRows } from '../runtime/row-matrix.js';
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
}
