/** DeepCluster's prototypes: spherical k-means over the latents of a pool (released code, `cluster_memory_bank`). */
import { FungiError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import { assigningCrop } from './deepcluster.js';

export interface PrototypeOptions {
  /** L. */
  readonly latent: number;
  /** Global crops of each item. */
  readonly globals: number;
  /** Sets of prototypes. */
  readonly sets: number;
  /** K. */
  readonly prototypes: number;
  /** Updates of the prototypes. @default 10 */
  readonly iterations?: number;
}

const ITERATIONS = 10;

/**
 * The artefacts `prototypes.0` … of `deepCluster`. Set s starts from the latents of K items at random and is moved by the latents of
 * global crop s mod globals of all items.
 *
 * Takes sets·iterations·n·K·L multiplications.
 *
 * @param latents unit-length latents of the global crops of the pool's items, [n,globals,L]
 * @returns of each set, [L,K]
 * @throws {FungiError} INVALID_ARGUMENT when the pool has fewer items than prototypes
 */
export function findPrototypes(rng: Rng, latents: Float32Array, options: PrototypeOptions): Float32Array[] {
  const { latent, globals, sets, prototypes, iterations = ITERATIONS } = options;
  const items = latents.length / (globals * latent);
  if (items < prototypes) {
    throw new FungiError('INVALID_ARGUMENT', `DeepCluster: ${prototypes} prototypes from ${items} items`, {
      hint: `Use at most ${items} prototypes, or a larger pool.`,
      details: { prototypes, items },
    });
  }
  return Array.from({ length: sets }, (_, set) => {
    const crop = assigningCrop(set, globals);
    const points = new Float32Array(items * latent);
    for (let i = 0; i < items; i++) {
      const from = (i * globals + crop) * latent;
      points.set(latents.subarray(from, from + latent), i * latent);
    }
    return asColumns(cluster(points, latent, rng.sample(items, prototypes), iterations), latent);
  });
}

/**
 * Each update makes a prototype the mean of the points that are most similar to it by inner product, the first of equals; it is not
 * brought back to unit length, and one without points stays where it was.
 *
 * @param points [n,L] @param start indices of the points that the prototypes start from
 * @returns [K,L]
 */
export function cluster(
  points: Float32Array,
  latent: number,
  start: readonly number[],
  iterations: number,
): Float32Array {
  const centres = new Float32Array(start.length * latent);
  start.forEach((i, k) => {
    centres.set(points.subarray(i * latent, (i + 1) * latent), k * latent);
  });
  for (let iteration = 0; iteration < iterations; iteration++) {
    const sums = new Float64Array(centres.length);
    const counts = new Uint32Array(start.length);
    for (let from = 0; from < points.length; from += latent) {
      const k = nearest(points.subarray(from, from + latent), centres);
      counts[k]! += 1;
      for (let l = 0; l < latent; l++) sums[k * latent + l]! += points[from + l]!;
    }
    counts.forEach((count, k) => {
      if (count > 0) for (let at = k * latent; at < (k + 1) * latent; at++) centres[at] = sums[at]! / count;
    });
  }
  return centres;
}

function nearest(point: Float32Array, centres: Float32Array): number {
  let [best, most] = [0, -Infinity];
  for (let from = 0; from < centres.length; from += point.length) {
    let similarity = 0;
    for (let l = 0; l < point.length; l++) similarity += point[l]! * centres[from + l]!;
    if (similarity > most) [best, most] = [from / point.length, similarity];
  }
  return best;
}

/** [K,L] as [L,K]. */
function asColumns(rows: Float32Array, width: number): Float32Array {
  const count = rows.length / width;
  return Float32Array.from(rows, (_, at) => rows[(at % count) * width + Math.floor(at / count)]!);
}
