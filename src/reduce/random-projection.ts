/** A seeded random projection to P dimensions: distances are kept in expectation, and nothing is learned of the pool (paper Table 21). */
import { FungiError } from '../core/errors.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { countRows } from '../runtime/row-matrix.js';
import { rowsByBlock, type Columns } from './parts.js';
import { randomEntries, type Entries } from './random-matrix.js';
import type { Reducer } from './reducer.js';

export class RandomProjection implements Reducer {
  readonly metric = 'l2';
  /** [P,F], each row a stream of its own, scaled by 1/√P. */
  private readonly matrix: Float32Array;

  /**
   * @param width F
   * @param dims P
   * @throws {FungiError} INVALID_ARGUMENT when one is not a whole number from 1
   */
  constructor(
    entries: Entries,
    seed: number,
    private readonly width: number,
    readonly dims: number,
    private readonly linalg: LinalgOptions = {},
  ) {
    if (![width, dims].every((size) => Number.isInteger(size) && size >= 1))
      throw new FungiError('INVALID_ARGUMENT', `random projection of ${width} to ${dims} dimensions`);
    this.matrix = new Float32Array(dims * width);
    const scale = 1 / Math.sqrt(dims);
    for (let p = 0; p < dims; p++) {
      const row = randomEntries(entries, seed, ['reducer', p], width, width);
      this.matrix.set(
        row.map((value) => value * scale),
        p * width,
      );
    }
  }

  /** [n,F] → [n,P]. @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite */
  async transform(rows: Float32Array): Promise<Float32Array> {
    const { width: F, dims: P } = this;
    const n = countRows(rows, F, 'feature');
    return matmul(rows, this.matrix, { m: n, k: F, n: P, transB: true }, this.linalg);
  }

  /** [n,F] → [n,Bk,P]. @throws {FungiError} as {@link transform} */
  parts(rows: Float32Array, blocks: readonly Columns[]): Promise<Float32Array> {
    return this.transform(rowsByBlock(rows, blocks, new Float32Array(this.width)));
  }
}
