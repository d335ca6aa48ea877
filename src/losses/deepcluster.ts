/**
 * DeepCluster: which prototypes an image's crops belong to (paper Appendix B.6 and Figure 10; its settings are only in the released code,
 * `grads_deepcluster.py`).
 */
import type { Rng } from '../core/rng.js';
import { ops } from '../onnx/ops.js';
import type { Loss } from './loss.js';

export interface DeepClusterOptions {
  /** Global crops: an item's first views, by which it is assigned to prototypes. @default 2 */
  readonly globals?: number;
  /** Local crops, which follow the global ones. @default 6 */
  readonly locals?: number;
  /** L. @default 128 */
  readonly latent?: number;
  /** Sets of prototypes. @default 3 */
  readonly sets?: number;
  /** K, prototypes of a set; at most as many as the pool has items. @default 3000 */
  readonly prototypes?: number;
  /** τ. @default 0.1 */
  readonly temperature?: number;
}

export const DEEPCLUSTER_DEFAULTS = {
  globals: 2,
  locals: 6,
  latent: 128,
  sets: 3,
  prototypes: 3000,
  temperature: 0.1,
} as const;

/** Name of the artefact that holds set `set`, [L,K]. */
export const prototypesName = (set: number): string => `prototypes.${set}`;

/** The global crop whose latent assigns an item to a prototype of set `set`, and that the set was found with. */
export const assigningCrop = (set: number, globals: number): number => set % globals;

/**
 * Latents z = W·f(x)/‖W·f(x)‖, f(x) not normalised before; scores z·c_k/τ. Mean over sets and crops of the cross-entropy
 * log Σ_k exp(z·c_k/τ) − z·c_a/τ, where a is the prototype of the set that the assigning crop is most similar to.
 *
 * Artefacts, none of them drawn as a linear head is: `head.weight` [D,L] by `drawDeepClusterHead`; `prototypes.0` … [L,K] by
 * `findPrototypes` of the pool's latents.
 *
 * In the released code the crops that assign an item are drawn in a pass of their own; here a crop is a function of seed and item, and
 * they are the ones that the loss compares.
 */
export function deepCluster(options: DeepClusterOptions = {}): Loss {
  const { globals, locals, latent, sets, prototypes, temperature } = { ...DEEPCLUSTER_DEFAULTS, ...options };
  const numbers = Array.from({ length: sets }, (_, set) => set);
  return {
    name: 'deepcluster',
    views: globals + locals,
    artefacts: (dims) => ({
      'head.weight': [dims, latent],
      ...Object.fromEntries(numbers.map((set) => [prototypesName(set), [latent, prototypes]])),
    }),
    write(g, features, artefacts) {
      const { add, sub, div, matmul, slice, argMax, gather, mean, logSumExp, normalize, toFloat64, toFloat32 } = ops(g);
      const z = normalize(toFloat64(matmul(features, artefacts['head.weight']!))); // [B,V,L]
      const entropies = numbers.map((set) => {
        const centres = toFloat64(artefacts[prototypesName(set)]!); // [L,K]
        const scores = matmul(z, centres); // [B,V,K]
        const crop = assigningCrop(set, globals);
        const assigned = argMax(slice(scores, 1, crop, crop + 1), 2); // [B,1]
        const own = g.op('Transpose', [gather(centres, assigned, 1)], { perm: [1, 0, 2] }); // [B,L,1]
        const rivals = logSumExp(div(scores, temperature), [2], true); // [B,V,1]
        return mean(sub(rivals, div(matmul(z, own), temperature)), [1, 2]); // [B]
      });
      return toFloat32(div(entropies.reduce(add), sets));
    },
  };
}

/**
 * A head [D,L] as PyTorch's `weight_norm(nn.Linear(D, L, bias=False))` is drawn where its g is filled with 1, as the released code does:
 * each of the L directions from U(±1/√D)ᴰ, then brought to unit length.
 */
export function drawDeepClusterHead(rng: Rng, dims: number, latent: number): Float32Array {
  const weight = rng.uniform(dims * latent, 1 / Math.sqrt(dims));
  for (let l = 0; l < latent; l++) {
    let squares = 0;
    for (let at = l; at < weight.length; at += latent) squares += weight[at]! ** 2;
    const norm = Math.sqrt(squares);
    for (let at = l; at < weight.length; at += latent) weight[at]! /= norm;
  }
  return weight;
}
