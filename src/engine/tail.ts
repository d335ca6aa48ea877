/**
 * The second model: from the trunk's boundary to what is asked of an item. Target layer, rest of the encoder, pooling, loss, the
 * loss's derivative at the target layer and the projection of the gradient, in one graph. Heads, negatives and projection are
 * inputs of it, so that one graph serves every index.
 */
import { differentiate } from '../onnx/differentiate.js';
import { GraphBuilder } from '../onnx/builder.js';
import { ops } from '../onnx/ops.js';
import type { Loss } from '../losses/loss.js';
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

/** What is computed of a gradient: its factors δ and x, or its projection. */
export type GradientOutput = { readonly kind: 'factors' } | ({ readonly kind: 'bilinear' } & BilinearProjection);

export interface TailSpec {
  /** Absent: only f(x) is computed. */
  readonly loss?: Loss;
  readonly gradient?: GradientOutput;
}

/** Names of the tail's inputs and outputs besides the boundary's own. */
export const POOLING = 'fungi.pooling';
/** Where an item has several views: `views` [B·V,U] takes rows to views, `items` [B,U] adds up the rows of an item. */
export const ROWS = { views: 'fungi.views', items: 'fungi.items' } as const;
export const OUTPUTS = {
  pooled: 'fungi.pooled',
  loss: 'fungi.loss',
  delta: 'fungi.delta',
  x: 'fungi.x',
  block: 'fungi.block',
} as const;
export type OutputName = keyof typeof OUTPUTS;

export interface TailGraph {
  readonly bytes: Uint8Array;
  readonly outputs: readonly OutputName[];
}

/**
 * Shapes below: B items of V views in U rows (equal views of an item share a row, U = B where V = 1), A tokens (1 where sliced),
 * J directions.
 *
 * @throws {FungiError} OP_UNSUPPORTED when the tail holds an operator without a derivative rule
 */
export function buildTail(encoder: ImportedEncoder, spec: TailSpec): TailGraph {
  const { target } = encoder;
  const g = new GraphBuilder(`${encoder.id} tail`, encoder.opset);
  const tokens = encoder.sliced ? 1 : 'tokens';
  for (const { name, width } of encoder.boundary) g.input(name, 'float32', ['rows', tokens, width]);
  const weights = g.input(POOLING, 'float32', ['rows', tokens, 1]);
  for (const node of encoder.tail.nodes) {
    g.adopt(node, encoder.tail.initializers);
    g.append(node);
  }
  const { mul, sum, matmul, reshape } = ops(g);
  const dims = encoder.dims;
  const rows = sum(mul(encoder.output, weights), [1]); // [U,D]
  if (spec.loss === undefined) {
    g.output(rows, 'float32', ['rows', dims], OUTPUTS.pooled);
    return { bytes: g.build(), outputs: ['pooled'] };
  }

  const { loss } = spec;
  const shared = loss.views > 1;
  const pooled = shared ? matmul(g.input(ROWS.views, 'float32', ['views', 'rows']), rows) : rows; // [B·V,D]
  g.output(pooled, 'float32', ['views', dims], OUTPUTS.pooled);
  const names = Object.entries(loss.artefacts(dims)).map(
    ([name, shape]) => [name, g.input(`${loss.name}.${name}`, 'float32', shape)] as const,
  );
  const features = g.annotate(reshape(pooled, [-1, loss.views, dims]), 'float32', ['items', loss.views, dims]);
  const value = loss.write(g, features, Object.fromEntries(names)); // [B]
  g.output(value, 'float32', ['items'], OUTPUTS.loss);
  if (spec.gradient === undefined) return { bytes: g.build(), outputs: ['pooled', 'loss'] };

  const delta = byRow(g, differentiate(g, value, target.output), weights, target.outFeatures); // [U,A,O]
  const x = byRow(g, target.input, weights, target.inFeatures); // [U,A,I]
  if (spec.gradient.kind === 'factors') {
    g.output(delta, 'float32', ['rows', 'terms', target.outFeatures], OUTPUTS.delta);
    g.output(x, 'float32', ['rows', 'terms', target.inFeatures], OUTPUTS.x);
    return { bytes: g.build(), outputs: ['pooled', 'loss', 'delta', 'x'] };
  }
  writeProjection(g, encoder, spec.gradient, shared, delta, x);
  return { bytes: g.build(), outputs: ['pooled', 'loss', 'block'] };
}

/** [U,A,W] (or any layout of the same elements) as [U,A,W]. */
function byRow(g: GraphBuilder, tensor: string, weights: string, width: number): string {
  const leading = g.op('Slice', [g.op('Shape', [weights]), g.integers([0]), g.integers([2]), g.integers([0])]);
  const shape = g.op('Concat', [leading, g.integers([width])], { axis: 0 });
  return g.annotate(g.op('Reshape', [tensor, shape]), 'float32', ['rows', 'terms', width]);
}

/** Inputs of a projection, by name: `left` [O,J], `right` [I,J], `bias` [J] (zeros without a bias), `mix` [count,M]. */
export const PROJECTION = { left: 'fungi.left', right: 'fungi.right', bias: 'fungi.bias', mix: 'fungi.mix' } as const;

/** ⟨G, l ⊗ [r; c]⟩ = Σ_terms (δ·l)(x·r + c): the gradient itself is never built. */
function writeProjection(
  g: GraphBuilder,
  encoder: ImportedEncoder,
  projection: BilinearProjection,
  shared: boolean,
  delta: string,
  x: string,
): void {
  const { add, mul, matmul, sum, reshape } = ops(g);
  const { count, rank, mixed } = projection;
  const left = g.input(PROJECTION.left, 'float32', [encoder.target.outFeatures, count * rank]);
  const right = g.input(PROJECTION.right, 'float32', [encoder.target.inFeatures, count * rank]);
  const bias = g.input(PROJECTION.bias, 'float32', [count * rank]);
  let block = sum(mul(matmul(delta, left), add(matmul(x, right), bias)), [1]); // [U,J]
  if (shared) block = matmul(g.input(ROWS.items, 'float32', ['items', 'rows']), block); // [B,J]
  if (rank > 1) block = sum(reshape(block, [-1, count, rank]), [2]); // [B,count]
  if (mixed !== undefined) block = matmul(block, g.input(PROJECTION.mix, 'float32', [count, mixed])); // [B,M]
  g.output(block, 'float32', ['items', mixed ?? count], OUTPUTS.block);
}
