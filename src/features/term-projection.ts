/**
 * Projection of the single terms of a gradient, δ_r ⊗ [x_r; 1], each a gradient of its own: a token's part of an image's. Whole gradients are
 * projected by the tail (src/engine/projection.ts), which sums over the terms; here nothing is summed.
 */
import type { Artefacts, EngineInfo, Factors } from '../engine/engine.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { denseProjection, type MatrixRows } from './dense-projection.js';

/** Terms → their blocks [R,M]. */
export type TermProjection = (terms: Factors) => Promise<Float32Array>;

/**
 * By directions of rank 1, l_j ⊗ [r_j; c_j]: (δ·l_j)(x·r_j + c_j), mixed by a matrix where there is one.
 *
 * @param projection `left` [O,J], `right` [I,J], `bias` [J] and perhaps `mix` [J,M]
 */
export function bilinearTermProjection(
  { left, right, bias, mix }: Artefacts,
  { outFeatures, inFeatures }: EngineInfo['target'],
  runtime?: LinalgOptions,
): TermProjection {
  const [n, k] = [bias!.data.length, mix?.shape[1]];
  return async ({ delta, x, terms }) => {
    const scaled = scaledDeltas(delta, outFeatures);
    const block = await matmul(scaled, left!.data, { m: terms, k: outFeatures, n }, runtime);
    const inputs = await matmul(x, right!.data, { m: terms, k: inFeatures, n }, runtime);
    for (let i = 0; i < block.length; i++) block[i]! *= inputs[i]! + bias!.data[i % n]!;
    return mix === undefined ? block : matmul(block, mix.data, { m: terms, k: n, n: k! }, runtime);
  };
}

/** By the paper's dense matrix. */
export function denseTermProjection(target: EngineInfo['target'], width: number, matrix: MatrixRows): TermProjection {
  const project = denseProjection(target, width, matrix);
  return ({ delta, x, terms }) => project(Array.from({ length: terms }, (_, r) => termOf({ delta, x, terms }, r)));
}

/** One term as a gradient; a view, nothing is copied. */
export function termOf({ delta, x, terms }: Factors, r: number): Factors {
  const [outFeatures, inFeatures] = [delta.length / terms, x.length / terms];
  return {
    delta: delta.subarray(r * outFeatures, (r + 1) * outFeatures),
    x: x.subarray(r * inFeatures, (r + 1) * inFeatures),
    terms: 1,
  };
}

/** Each δ over its largest entry: a factor is gone after length normalisation, and products of tiny numbers would be too. */
function scaledDeltas(delta: Float32Array, width: number): Float32Array {
  const out = Float32Array.from(delta);
  for (let at = 0; at < out.length; at += width) {
    const row = out.subarray(at, at + width);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    row.forEach((value, i) => (row[i] = value / largest));
  }
  return out;
}
