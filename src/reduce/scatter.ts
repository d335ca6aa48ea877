/** Within- and between-class scatter of labelled rows, from sums that rows can be added to and taken from. */
import { matmul, type LinalgOptions } from '../runtime/linalg.js';

/** Axes: n rows, C classes, F features. */
export interface ClassSums {
  /** What is taken off each row before it is summed [F]. */
  readonly shift: Float64Array;
  /** Rows of each class [C]. */
  readonly counts: Int32Array;
  /** Σ (x − shift) of each class [C,F]. */
  readonly sums: Float64Array;
  /** Σ (x − shift)(x − shift)ᵀ over all rows, both triangles [F,F]. */
  readonly products: Float64Array;
}

export interface Scatter {
  readonly width: number;
  readonly rows: number;
  /** Classes that have a row. */
  readonly classes: number;
  /** Of all rows [F]. */
  readonly mean: Float64Array;
  /** Class means less the mean, each times the root of its class's share of the rows: BᵀB is the scatter between classes [C,F]. */
  readonly between: Float64Array;
  /** Scatter around the class means, each class at its share; null where rows do not differ from their class's mean [F,F]. */
  readonly within: Float64Array | null;
}

/** Of the whole scatter, what rounding leaves within classes whose rows are all alike. */
const ROUNDING = 1e-12;

export async function scatterOf(all: ClassSums, linalg: LinalgOptions = {}): Promise<Scatter> {
  const { shift, products } = all;
  const width = shift.length;
  const present = Array.from(all.counts.keys()).filter((c) => all.counts[c]! > 0);
  const classes = present.length;
  const rows = all.counts.reduce((sum, count) => sum + count, 0);

  const offset = new Float64Array(width);
  for (const c of present) for (let j = 0; j < width; j++) offset[j]! += all.sums[c * width + j]! / rows;
  const between = new Float64Array(classes * width);
  // Root-weighted means about the shift: what the products hold beside the scatter within.
  const explained = new Float64Array(classes * width);
  present.forEach((c, at) => {
    const root = Math.sqrt(all.counts[c]!);
    for (let j = 0; j < width; j++) {
      const sum = all.sums[c * width + j]!;
      explained[at * width + j] = sum / root;
      between[at * width + j] = (sum / root - root * offset[j]!) / Math.sqrt(rows);
    }
  });

  const within = await matmul(explained, explained, { m: width, k: classes, n: width, transA: true }, linalg);
  let [left, whole] = [0, 0];
  for (let at = 0; at < within.length; at++) {
    within[at] = (products[at]! - within[at]!) / rows;
    if (at % (width + 1) !== 0) continue;
    within[at] = Math.max(0, within[at]!);
    left += within[at]!;
    whole += products[at]! / rows;
  }
  return {
    ...{ width, rows, classes, between },
    mean: shift.map((value, j) => value + offset[j]!),
    within: rows === classes || left <= ROUNDING * whole ? null : within,
  };
}

/**
 * The sums without some of their rows.
 *
 * @param rows [m,F]
 * @param codes the class of each [m]
 */
export async function withoutRows(
  all: ClassSums,
  rows: Float32Array | Float64Array,
  codes: ArrayLike<number>,
  linalg: LinalgOptions = {},
): Promise<ClassSums> {
  const { shift } = all;
  const width = shift.length;
  const [counts, sums, shifted] = [all.counts.slice(), all.sums.slice(), Float64Array.from(rows)];
  for (let row = 0; row < codes.length; row++) {
    const c = codes[row]!;
    counts[c]!--;
    for (let j = 0; j < width; j++) {
      shifted[row * width + j]! -= shift[j]!;
      sums[c * width + j]! -= shifted[row * width + j]!;
    }
  }
  const taken = await matmul(shifted, shifted, { m: width, k: codes.length, n: width, transA: true }, linalg);
  return { shift, counts, sums, products: all.products.map((value, at) => value - taken[at]!) };
}
