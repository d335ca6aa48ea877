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
      for (let row = 0; row < target.outFeatures; row += TILE_ROWS) {
        const count = Math.min(TILE_ROWS, target.outFeatures - row);
        const gradients = gradientRows(window, scales, target, columns, row, count); // [B, count·columns]
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

/** Rows `first` … `first`+`count` of every item's gradient Σ_r δ_r ⊗ [x_r; 1], [B, count·columns]. */
function gradientRows(
  factors: readonly Factors[],
  scales: readonly number[],
  { inFeatures, outFeatures, bias }: EngineInfo['target'],
  columns: number,
  first: number,
  count: number,
): Float32Array {
  const out = new Float32Array(factors.length * count * columns);
  factors.forEach(({ delta, x, terms }, item) => {
    const scale = scales[item]!;
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
