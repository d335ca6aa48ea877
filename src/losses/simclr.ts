/** SimCLR's InfoNCE between the views of an item, against a frozen batch of negatives (paper equation 5). */
import { ops } from '../onnx/ops.js';
import { headShapes, latentWidth, writeHead, type Head } from './head.js';
import type { Loss, Mode } from './loss.js';

export interface SimClrOptions {
  readonly mode: Mode;
  /** V, positive views of an item (paper Table 24, text). @default 12 */
  readonly views?: number;
  /** @default 'linear' */
  readonly head?: Head;
  /** Whether f(x) is brought to unit length before the head; the latents always are. @default false */
  readonly normalise?: boolean;
  /** L of a linear head. @default 256 */
  readonly latent?: number;
  /** N, latents in the negative batch: for text 256 items × 2 views. @default 512 */
  readonly negatives?: number;
  /** τ. @default 0.07 */
  readonly temperature?: number;
}

export const SIMCLR_DEFAULTS = {
  views: 12,
  head: 'linear',
  normalise: false,
  latent: 256,
  negatives: 512,
  temperature: 0.07,
} as const;

/** Far below any cosine similarity over τ, so that a view's similarity to itself adds nothing to the sum. */
const EXCLUDED = -1e4;

/**
 * With s = z·zᵀ of the normalised latents: the mean over ordered pairs i ≠ j of log Σ_{k≠i} exp(s_ik/t) − s_ij/τ, k over the other
 * views and the negatives. `paper` has t = τ; `reference` leaves the sum untempered (t = 1), as the released text, audio and
 * segmentation code does.
 */
export function simclr(options: SimClrOptions): Loss {
  const { mode, views, negatives, temperature, ...head } = { ...SIMCLR_DEFAULTS, ...options };
  return {
    name: 'simclr',
    views,
    artefacts: (dims) => ({ ...headShapes(head, dims), negatives: [latentWidth(head, dims), negatives] }),
    write(g, features, artefacts) {
      const { add, sub, mul, div, matmul, transpose, concat, sum, mean, logSumExp, normalize, toFloat64, toFloat32 } =
        ops(g);
      const z = normalize(toFloat64(writeHead(g, features, artefacts, head))); // [B,V,L]
      const positive = matmul(z, transpose(z)); // [B,V,V]
      const others = matmul(z, toFloat64(artefacts['negatives']!)); // [B,V,N]
      const self = diagonal(views);
      const mask = g.constant({ type: 'float64', data: self.map((on) => on * EXCLUDED), shape: [views, views] });
      const rest = g.constant({ type: 'float64', data: self.map((on) => 1 - on), shape: [views, views] });
      const t = mode === 'paper' ? temperature : 1;
      const all = logSumExp(concat([add(div(positive, t), mask), div(others, t)], 2), [2]); // [B,V]
      const attraction = div(sum(mul(positive, rest), [2]), temperature * (views - 1)); // [B,V]
      return toFloat32(mean(sub(all, attraction), [1]));
    },
  };
}

/** 1 on the diagonal of a V×V matrix, else 0. */
function diagonal(size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
}
