/** InfoNCE of one set of positives against negatives (paper equation 5). */
import type { GraphBuilder } from '../onnx/builder.js';
import { ops } from '../onnx/ops.js';
import type { Mode } from './loss.js';

export interface InfoNceOptions {
  readonly mode: Mode;
  /** V, positives of an item. */
  readonly views: number;
  /** τ. */
  readonly temperature: number;
}

/** Far below any cosine similarity over τ, so that a view's similarity to itself adds nothing to the sum. */
const EXCLUDED = -1e4;

/**
 * With s = z·zᵀ: the mean over ordered pairs i ≠ j of log Σ_{k≠i} exp(s_ik/t) − s_ij/τ, k over the other positives and the negatives.
 * `paper` has t = τ; `reference` leaves the sum untempered (t = 1), as the released text, audio and segmentation code does.
 *
 * @param z latents of unit length [B,V,L], float64
 * @param negatives of unit length, [L,N] or [1,L,N] for all items, float64
 * @returns [B], float64
 */
export function writeInfoNce(
  g: GraphBuilder,
  z: string,
  negatives: string,
  { mode, views, temperature }: InfoNceOptions,
): string {
  const { add, sub, mul, div, matmul, transpose, concat, sum, mean, logSumExp } = ops(g);
  const positive = matmul(z, transpose(z)); // [B,V,V]
  const others = matmul(z, negatives); // [B,V,N]
  const self = diagonal(views);
  const mask = g.constant({ type: 'float64', data: self.map((on) => on * EXCLUDED), shape: [views, views] });
  const rest = g.constant({ type: 'float64', data: self.map((on) => 1 - on), shape: [views, views] });
  const t = mode === 'paper' ? temperature : 1;
  const all = logSumExp(concat([add(div(positive, t), mask), div(others, t)], 2), [2]); // [B,V]
  const attraction = div(sum(mul(positive, rest), [2]), temperature * (views - 1)); // [B,V]
  return mean(sub(all, attraction), [1]);
}

/** 1 on the diagonal of a V×V matrix, else 0. */
function diagonal(size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
}
