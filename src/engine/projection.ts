/** How a gradient becomes a block: inner products with directions of rank 1, so that the gradient itself is never built. */
import type { GraphBuilder } from '../onnx/builder.js';
import { ops } from '../onnx/ops.js';
import { ROWS } from './forward.js';
import type { ImportedEncoder } from './imported-encoder.js';

/** How a gradient G = Σ_r δ_r ⊗ [x_r; 1] becomes a block: inner products with J = `count`·`rank` rank-1 directions. */
export interface BilinearProjection {
  /** Directions: landmarks (Nyström) or random (Khatri–Rao). */
  readonly count: number;
  /** Rank-1 terms of a direction. */
  readonly rank: number;
  /** M, columns of the matrix that mixes the inner products; absent: they are the block. */
  readonly mixed?: number;
}

/** Inputs of a projection, by name: `left` [O,J], `right` [I,J], `bias` [J] (zeros without a bias), `mix` [count,M]. */
export const PROJECTION = { left: 'fungi.left', right: 'fungi.right', bias: 'fungi.bias', mix: 'fungi.mix' } as const;

/**
 * ⟨G, l ⊗ [r; c]⟩ = Σ_terms (δ·l)(x·r + c).
 *
 * @param shared whether several rows make an item
 * @param delta δ [U,A,O]
 * @param x [U,A,I]
 * @returns [B,M], or [B,count] unmixed
 */
export function writeProjection(
  g: GraphBuilder,
  { target }: ImportedEncoder,
  { count, rank, mixed }: BilinearProjection,
  shared: boolean,
  delta: string,
  x: string,
): string {
  const { add, mul, matmul, sum, reshape } = ops(g);
  const left = g.input(PROJECTION.left, 'float32', [target.outFeatures, count * rank]);
  const right = g.input(PROJECTION.right, 'float32', [target.inFeatures, count * rank]);
  const bias = g.input(PROJECTION.bias, 'float32', [count * rank]);
  let block = sum(mul(matmul(delta, left), add(matmul(x, right), bias)), [1]); // [U,J]
  if (shared) block = matmul(g.input(ROWS.items, 'float32', ['items', 'rows']), block); // [B,J]
  if (rank > 1) block = sum(reshape(block, [-1, count, rank]), [2]); // [B,count]
  return mixed === undefined ? block : matmul(block, g.input(PROJECTION.mix, 'float32', [count, mixed])); // [B,M]
}
