/**
 * SimCLR between the tokens of one image, against neighbours of theirs: what scene understanding takes a gradient for each patch from
 * (paper §4.3, Appendix C.2, Table 23; released code `fungi-hummingbird`).
 */
import { ops } from '../onnx/ops.js';
import { headShapes, writeHead, type Head } from './head.js';
import { writeInfoNce } from './info-nce.js';
import type { Loss, Mode } from './loss.js';

export interface PatchSimClrOptions {
  readonly mode: Mode;
  /** T, tokens of an image, [CLS] among them: 1 + (512/16)². @default 1025 */
  readonly tokens?: number;
  /** N, neighbours that an image's tokens are contrasted with: one a token. @default 1025 */
  readonly neighbours?: number;
  /** @default 'linear' */
  readonly head?: Head;
  /** Whether features are brought to unit length before the head; the latents always are. @default false */
  readonly normalise?: boolean;
  /** L of a linear head. @default 96 */
  readonly latent?: number;
  /** τ. @default 0.07 */
  readonly temperature?: number;
}

export const PATCH_SIMCLR_DEFAULTS = {
  tokens: 1025,
  neighbours: 1025,
  head: 'linear',
  normalise: false,
  latent: 96,
  temperature: 0.07,
} as const;

/**
 * An item is an image, its V = T views are the last states of its tokens, not pooled. The loss is InfoNCE over their ordered pairs,
 * against N neighbours: last states of patches of other images out of a bank, constants, which go through the same head. It is one
 * number for an image; each token's gradient is that of this number at that token, so that the rows of the derivative, not their sum,
 * are what a patch's feature is made of. [CLS] takes part in the loss, and its row is dropped afterwards.
 *
 * Neighbours are an artefact [N,D] of one image: a program of several images has to give all the same.
 */
export function patchSimclr(options: PatchSimClrOptions): Loss {
  const { mode, tokens, neighbours, temperature, ...head } = { ...PATCH_SIMCLR_DEFAULTS, ...options };
  return {
    name: 'patch-simclr',
    views: tokens,
    artefacts: (dims) => ({ ...headShapes(head, dims), neighbours: [neighbours, dims] }),
    write(g, features, artefacts) {
      const { normalize, transpose, reshape, toFloat64, toFloat32 } = ops(g);
      const latents = (rows: string): string => normalize(toFloat64(writeHead(g, rows, artefacts, head)));
      const z = latents(features); // [B,T,L]
      const others = latents(reshape(artefacts['neighbours']!, [1, neighbours, -1])); // [1,N,L]
      return toFloat32(writeInfoNce(g, z, transpose(others), { mode, views: tokens, temperature }));
    },
  };
}
