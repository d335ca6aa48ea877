/** SimCLR's InfoNCE between the views of an item, against a frozen batch of negatives (paper equation 5). */
import { ops } from '../onnx/ops.js';
import { headShapes, latentWidth, writeHead, type Head } from './head.js';
import { writeInfoNce } from './info-nce.js';
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

/** InfoNCE over the ordered pairs of an item's views, whose latents have unit length (`info-nce.ts` has the formula and its modes). */
export function simclr(options: SimClrOptions): Loss {
  const { mode, views, negatives, temperature, ...head } = { ...SIMCLR_DEFAULTS, ...options };
  return {
    name: 'simclr',
    views,
    artefacts: (dims) => ({ ...headShapes(head, dims), negatives: [latentWidth(head, dims), negatives] }),
    write(g, features, artefacts) {
      const { normalize, toFloat64, toFloat32 } = ops(g);
      const z = normalize(toFloat64(writeHead(g, features, artefacts, head))); // [B,V,L]
      return toFloat32(writeInfoNce(g, z, toFloat64(artefacts['negatives']!), { mode, views, temperature }));
    },
  };
}
