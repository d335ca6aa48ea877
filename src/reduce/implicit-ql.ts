/** Implicit QL iteration on a symmetric tridiagonal matrix (Dubrulle, Martin & Wilkinson 1968, procedure imtql2). */
import { FungiError } from '../core/errors.js';
import { ROW_GROUP } from './tridiagonal.js';

const MAX_SWEEPS_PER_VALUE = 60;
/** Rotations kept back before they are applied: a few sweeps over n columns, small enough to stay in the second-level cache. */
const BUFFERED_ROTATIONS = 16384;

/**
 * Overwrites `d` [n] with the eigenvalues of T (unordered) and turns the columns of `z` [n padded to ROW_GROUP, n], in place, into
 * z times T's eigenvectors. `e` [n] is the off-diagonal, e[i] coupling i−1 and i; it is destroyed.
 *
 * @throws {FungiError} RUNTIME_FAILED when a value does not converge
 */
export function implicitQl(d: Float64Array, e: Float64Array, z: Float64Array, n: number): void {
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  let norm = 0;
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!));
  const negligible = Number.EPSILON * norm;
  const rotations = new RotationBuffer(z, n);
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]!) > negligible) m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS_PER_VALUE) {
        throw new FungiError(
          'RUNTIME_FAILED',
          `eigenvalue ${l} of ${n} did not converge in ${MAX_SWEEPS_PER_VALUE} QL sweeps`,
        );
      }
      qlSweep(d, e, l, m, rotations);
    }
  }
  rotations.flush();
}

/** One QL step with Wilkinson's shift on the unreduced block l … m. */
function qlSweep(d: Float64Array, e: Float64Array, l: number, m: number, rotations: RotationBuffer): void {
  const half = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  const root = Math.sqrt(half * half + 1);
  let g = d[m]! - d[l]! + e[l]! / (half + (half < 0 ? -root : root));
  let s = 1;
  let c = 1;
  let p = 0;
  rotations.begin(l, m);
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      // The matrix split by itself (underflow): undo the shift and start again on the smaller block.
      d[i + 1]! -= p;
      e[m] = 0;
      rotations.end(i + 1);
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    rotations.push(c, s);
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
  rotations.end(l);
}

/** Collects the plane rotations of several sweeps and applies them to a group of rows at once, while those are in cache. */
class RotationBuffer {
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private count = 0;
  private readonly sweeps: { readonly high: number; low: number; readonly start: number }[] = [];

  constructor(
    private readonly z: Float64Array,
    private readonly n: number,
  ) {
    this.cosines = new Float64Array(BUFFERED_ROTATIONS + n);
    this.sines = new Float64Array(BUFFERED_ROTATIONS + n);
  }

  /** Starts a sweep of rotations in the planes (i, i+1), i = high−1 downwards. */
  begin(low: number, high: number): void {
    if (this.count > BUFFERED_ROTATIONS) this.flush();
    this.sweeps.push({ low, high, start: this.count });
  }

  push(c: number, s: number): void {
    this.cosines[this.count] = c;
    this.sines[this.count] = s;
    this.count++;
  }

  /** Ends the sweep, whose last plane was (low, low+1). */
  end(low: number): void {
    this.sweeps.at(-1)!.low = low;
  }

  flush(): void {
    const padded = this.z.length / this.n;
    for (let row = 0; row < padded; row += ROW_GROUP) {
      for (const { low, high, start } of this.sweeps) this.rotateRows(row, low, high, start);
    }
    this.sweeps.length = 0;
    this.count = 0;
  }

  private rotateRows(row: number, low: number, high: number, start: number): void {
    const { z, n, cosines, sines } = this;
    const row0 = row * n;
    const row1 = (row + 1) * n;
    const row2 = (row + 2) * n;
    const row3 = (row + 3) * n;
    let h0 = z[row0 + high]!;
    let h1 = z[row1 + high]!;
    let h2 = z[row2 + high]!;
    let h3 = z[row3 + high]!;
    let at = start;
    for (let i = high - 1; i >= low; i--, at++) {
      const c = cosines[at]!;
      const s = sines[at]!;
      const z0 = z[row0 + i]!;
      const z1 = z[row1 + i]!;
      const z2 = z[row2 + i]!;
      const z3 = z[row3 + i]!;
      z[row0 + i + 1] = s * z0 + c * h0;
      z[row1 + i + 1] = s * z1 + c * h1;
      z[row2 + i + 1] = s * z2 + c * h2;
      z[row3 + i + 1] = s * z3 + c * h3;
      h0 = c * z0 - s * h0;
      h1 = c * z1 - s * h1;
      h2 = c * z2 - s * h2;
      h3 = c * z3 - s * h3;
    }
    z[row0 + low] = h0;
    z[row1 + low] = h1;
    z[row2 + low] = h2;
    z[row3 + low] = h3;
  }
}
