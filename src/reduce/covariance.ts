/** Mean and covariance of rows that arrive in any number of pieces, in memory that depends on their width alone. */
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { countRows } from '../runtime/row-matrix.js';

/** Rows are multiplied this many at a time, however they come in: the sums do not depend on the caller's pieces. */
const BLOCK_ROWS = 1024;
/** Rows of the product made at once; with strips of F/4 a good third of the symmetric product is not computed twice. */
const STRIP = 512;

export interface Moments {
  readonly mean: Float64Array;
  /** Both triangles, n − 1 in the denominator [F,F]. */
  readonly covariance: Float64Array;
  readonly rows: number;
}

/**
 * Accumulates in float64 around the mean of the first block, so that a mean far from zero costs no digits.
 *
 * Axes: n rows in all, F their width.
 */
export class CovarianceAccumulator {
  private readonly block: Float32Array;
  private readonly shift: Float64Array;
  /** Σ (x − shift) [F] */
  private readonly sums: Float64Array;
  /** Σ (x − shift)(x − shift)ᵀ, lower triangle [F,F] */
  private readonly products: Float64Array;
  private buffered = 0;
  private counted = 0;

  constructor(
    private readonly width: number,
    private readonly linalg: LinalgOptions = {},
  ) {
    this.block = new Float32Array(BLOCK_ROWS * width);
    this.shift = new Float64Array(width);
    this.sums = new Float64Array(width);
    this.products = new Float64Array(width * width);
  }

  /** Rows taken in so far. */
  get rows(): number {
    return this.counted + this.buffered;
  }

  /** @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite; nothing is taken in then */
  async add(rows: Float32Array): Promise<void> {
    const { width } = this;
    const count = countRows(rows, width, 'row', this.rows);
    for (let done = 0; done < count;) {
      const take = Math.min(count - done, BLOCK_ROWS - this.buffered);
      this.block.set(rows.subarray(done * width, (done + take) * width), this.buffered * width);
      this.buffered += take;
      done += take;
      if (this.buffered === BLOCK_ROWS) await this.flush();
    }
  }

  /** Of all rows so far, at least one. */
  async moments(): Promise<Moments> {
    await this.flush();
    const { width, counted, sums, products } = this;
    const offset = sums.map((sum) => sum / counted);
    const covariance = new Float64Array(width * width);
    const divisor = Math.max(1, counted - 1);
    for (let i = 0; i < width; i++) {
      for (let j = 0; j <= i; j++) {
        const value = (products[i * width + j]! - counted * offset[i]! * offset[j]!) / divisor;
        covariance[i * width + j] = value;
        covariance[j * width + i] = value;
      }
    }
    return { mean: offset.map((value, i) => value + this.shift[i]!), covariance, rows: counted };
  }

  private async flush(): Promise<void> {
    const { width, buffered: n, sums, products } = this;
    if (n === 0) return;
    if (this.counted === 0) this.setShift(n);
    const columns = this.shiftedColumns(n);
    for (let i = 0; i < width; i++) {
      for (let r = i * n; r < (i + 1) * n; r++) sums[i]! += columns[r]!;
    }
    for (let start = 0; start < width; start += STRIP) {
      const end = Math.min(start + STRIP, width);
      const strip = columns.subarray(start * n, end * n);
      const shape = { m: end - start, k: n, n: end, transB: true };
      const product = await matmul(strip, columns.subarray(0, end * n), shape, this.linalg);
      for (let i = start; i < end; i++) {
        const from = (i - start) * end;
        for (let j = 0; j <= i; j++) products[i * width + j]! += product[from + j]!;
      }
    }
    this.counted += n;
    this.buffered = 0;
  }

  private setShift(n: number): void {
    const { width, block, shift } = this;
    for (let row = 0; row < n * width; row += width) for (let j = 0; j < width; j++) shift[j]! += block[row + j]!;
    for (let j = 0; j < width; j++) shift[j]! /= n;
  }

  /** The block less the shift, transposed [F,n]: a strip of features is then contiguous. In tiles, to stay in cache. */
  private shiftedColumns(n: number): Float64Array {
    const TILE = 32;
    const { width, block, shift } = this;
    const columns = new Float64Array(n * width);
    for (let top = 0; top < n; top += TILE) {
      const bottom = Math.min(top + TILE, n);
      for (let j = 0; j < width; j++) {
        for (let r = top; r < bottom; r++) columns[j * n + r] = block[r * width + j]! - shift[j]!;
      }
    }
    return columns;
  }
}

/** Of two sets of rows, those of both (Chan, Golub & LeVeque 1983). */
export function mergeMoments(a: Moments, b: Moments): Moments {
  const width = a.mean.length;
  const rows = a.rows + b.rows;
  const apart = a.mean.map((value, i) => b.mean[i]! - value);
  const mean = a.mean.map((value, i) => value + (b.rows / rows) * apart[i]!);
  const [shareA, shareB] = [(a.rows - 1) / (rows - 1), (b.rows - 1) / (rows - 1)];
  const between = (a.rows * b.rows) / rows / (rows - 1);
  const covariance = a.covariance.map((value, at) => {
    const [i, j] = [Math.floor(at / width), at % width];
    return shareA * value + shareB * b.covariance[at]! + between * apart[i]! * apart[j]!;
  });
  return { mean, covariance, rows };
}
