/** The head h: f(x) → latents (paper §4.1; Table 6 compares its forms). */
import type { GraphBuilder } from '../onnx/builder.js';
import { ops } from '../onnx/ops.js';
import type { ArtefactShapes } from './loss.js';

/** `linear`: a frozen random layer D → L. `none`: the latents are f(x) itself, L = D. */
export const HEADS = ['linear', 'none'] as const;
export type Head = (typeof HEADS)[number];

export interface HeadOptions {
  readonly head: Head;
  /** Whether f(x) is brought to unit length before the head. */
  readonly normalise: boolean;
  /** L of a linear head. */
  readonly latent: number;
}

/** L. @param dims D */
export const latentWidth = ({ head, latent }: HeadOptions, dims: number): number => (head === 'none' ? dims : latent);

/**
 * What a head freezes: weight and bias from U(±1/√D), as PyTorch's Linear draws them. The weight is kept [D,L], as a product takes it.
 *
 * @param name before the parts' names, which tells the heads of a loss apart
 */
export const headShapes = ({ head, latent }: HeadOptions, dims: number, name = 'head'): ArtefactShapes =>
  head === 'none' ? {} : { [`${name}.weight`]: [dims, latent], [`${name}.bias`]: [latent] };

/** @param features f(x) [B,V,D] @returns latents [B,V,L] */
export function writeHead(
  g: GraphBuilder,
  features: string,
  artefacts: Readonly<Record<string, string>>,
  { head, normalise }: HeadOptions,
  name = 'head',
): string {
  const { add, matmul, normalize } = ops(g);
  const ready = normalise ? normalize(features) : features;
  return head === 'none' ? ready : add(matmul(ready, artefacts[`${name}.weight`]!), artefacts[`${name}.bias`]!);
}
