/**
 * The paper's projection R·vec(∇L), R ∈ {−1,+1}^{M × O·(I+b)} (equation 1, after Achlioptas 2003), or with other random entries
 * (Table 19).
 *
 * For BERT-base R has 768 × 590,592 entries, 1.8 GB in float32. It is drawn tile by tile from the seed and never kept: each tile
 * covers a few of the O rows of the gradient, whose part of vec(∇L) is formed for a whole window of items and multiplied at once.
 */
import type { EngineInfo, Factors } from '../engine/engine.js';
import { randomEntries, type Entries } from '../reduce/random-matrix.js';
import { matmul } from '../runtime/linalg.js';

/** Rows of the gradient in one tile: 16 × 769 × 768 entries are 38 MB in float32. */
const TILE_ROWS = 16;
/** Items multiplied at once: drawing a tile costs as much as multiplying some hundred items by it. */
const WINDOW = 1024;

/**
 * Terms from which on an item's whole gradient is made at once, by a product of matrices: a clip's SimCLR has tens of thousands, and plain loops over them take as
 * long as its encoder. The gradient takes less memory than so many terms.
 */
const MANY_TERMS = 2048;

/** Entries of R for one row of the gradient, [I+b,M]. */
export type MatrixRows = (row: number) => Float32Array;

/**
 * R drawn from the index's seed, a stream for each row of the gradient: how many make a tile changes nothing. Gaussian
 * entries take three times as long to draw as binary ones, sparse ones a third.
 *
 * @param width M
 */
export function seededMatrix(entries: Entries, seed: number, target: EngineInfo['target'], width: number): MatrixRows {
  const columns = gradientColumns(target);
  const dims = target.outFeatures * columns;
  return (row) => randomEntries(entries, seed, ['projection', row], columns * width, dims);
}

/**
 * @param width M
 * @returns factors of B items → their blocks [B,M]
 */
export function denseProjection(
  target: EngineInfo['target'],
  width: number,
  matrix: MatrixRows,
): (factors: readonly Factors[]) => Promise<Float32Array> {
  const columns = gradientColumns(target);
  return async (factors) => {
    const tile = new Float32Array(TILE_ROWS * columns * width); // a call's own: calls take turns at every product
    const out = new Float32Array(factors.length * width);
    for (let start = 0; start < factors.length; start += WINDOW) {
      const window = factors.slice(start, start + WINDOW);
      // A constant factor is gone after L2 normalisation; 1/max|δ| keeps tiny gradients away from float32's floor.
      const scales = window.map(({ delta }) => 1 / (delta.reduce((max, v) => Math.max(max, Math.abs(v)), 0) || 1));
      const wholes: (Float32Array | undefined)[] = [];
      for (const one of window) wholes.push(one.terms < MANY_TERMS ? undefined : await wholeGradient(one, target));
      for (let row = 0; row < target.outFeatures; row += TILE_ROWS) {
        const count = Math.min(TILE_ROWS, target.outFeatures - row);
        const gradients = gradientRows(window, wholes, scales, target, row, count); // [B, count·columns]
        for (let i = 0; i < count; i++) tile.set(matrix(row + i), i * columns * width);
        const R = tile.subarray(0, count * columns * width); // [count·columns, M]
        const part = await matmul(gradients, R, { m: window.length, k: count * columns, n: width });
        const at = start * width;
        for (let i = 0; i < part.length; i++) out[at + i]! += part[i]!;
      }
    }
    return out;
  };
}

/** I + b: columns of the gradient [O, I+b]. */
export const gradientColumns = (target: EngineInfo['target']): number => target.inFeatures + (target.bias ? 1 : 0);

/** Σ_r δ_r ⊗ [x_r; 1], [O, I+b]. */
async function wholeGradient({ delta, x, terms }: Factors, target: EngineInfo['target']): Promise<Float32Array> {
  const { inFeatures, outFeatures, bias } = target;
  const weight = await matmul(delta, x, { m: outFeatures, k: terms, n: inFeatures, transA: true });
  if (!bias) return weight;
  const columns = gradientColumns(target);
  const out = new Float32Array(outFeatures * columns);
  const sums = new Float64Array(outFeatures);
  for (let at = 0; at < delta.length; at++) sums[at % outFeatures]! += delta[at]!;
  for (let o = 0; o < outFeatures; o++) {
    out.set(weight.subarray(o * inFeatures, (o + 1) * inFeatures), o * columns);
    out[o * columns + inFeatures] = sums[o]!;
  }
  return out;
}

/**
 * Rows `first` … `first`+`count` of every item's gradient Σ_r δ_r ⊗ [x_r; 1], [B, count·columns].
 *
 * @param wholes of those items whose whole gradient is there
 */
function gradientRows(
  factors: readonly Factors[],
  wholes: readonly (Float32Array | undefined)[],
  scales: readonly number[],
  target: EngineInfo['target'],
  first: number,
  count: number,
): Float32Array {
  const { inFeatures, outFeatures, bias } = target;
  const columns = gradientColumns(target);
  const out = new Float32Array(factors.length * count * columns);
  factors.forEach(({ delta, x, terms }, item) => {
    const scale = scales[item]!;
    const whole = wholes[item];
    if (whole !== undefined) {
      const rows = whole.subarray(first * columns, (first + count) * columns);
      const at = item * rows.length;
      for (let i = 0; i < rows.length; i++) out[at + i] = rows[i]! * scale;
      return;
    }
    for (let r = 0; r < terms; r++) {
      for (let o = 0; o < count; o++) {
        const d = delta[r * outFeatures + first + o]! * scale;
        const at = (item * count + o) * columns;
        for (let i = 0; i < inFeatures; i++) out[at + i]! += d * x[r * inFeatures + i]!;
        if (bias) out[at + inFeatures]! += d;
      }
    }
  });
  return out;
}
