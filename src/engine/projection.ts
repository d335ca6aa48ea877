/**
 * How a gradient becomes a block: inner products with directions of rank 1. The gradient of few terms is never built; that of many
 * takes less arithmetic than its terms ({@link termsWorthGradient}).
 */
import { MICROSOFT, type GraphBuilder } from '../onnx/builder.js';
import { ops } from '../onnx/ops.js';
import type { TargetLayer } from '../onnx/target.js';
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

/** G = Σ_terms δ ⊗ x of each row, [U,O,I], where it is built. */
export const GRADIENT = 'fungi.gradient';

/**
 * How many terms of a row, which are its A tokens, take as much arithmetic as its gradient. In multiplications, of R terms and J
 * directions: term by term R·J·O for δ·l and R·J·I for x·r; through G first R·O·I for G itself and then J·O·I for G·r. So G is worth it
 * from R·(J·(O+I) − O·I) > J·O·I on: at O = I = 384 and J = 1,024 above 236 terms, of which Whisper has up to 1,500. With so few
 * directions that J·(O+I) ≤ O·I it never is. What is added up element by element is small beside that, and smaller through G.
 */
export function termsWorthGradient(
  { outFeatures: O, inFeatures: I }: Pick<TargetLayer, 'outFeatures' | 'inFeatures'>,
  { count, rank }: BilinearProjection,
): number {
  const J = count * rank;
  const saved = J * (O + I) - O * I;
  return saved > 0 ? (J * O * I) / saved : Infinity;
}

/**
 * ⟨G, l ⊗ [r; c]⟩ = Σ_terms (δ·l)(x·r + c), or = lᵀ·(G·r + c·Σ_terms δ) where G is built.
 *
 * @param shared whether several rows make an item
 * @param built whether by way of G
 * @param delta δ [U,A,O]
 * @param x [U,A,I]
 * @returns [B,M], or [B,count] unmixed
 */
export function writeProjection(
  g: GraphBuilder,
  { target }: ImportedEncoder,
  { count, rank, mixed }: BilinearProjection,
  { shared, built }: { readonly shared: boolean; readonly built: boolean },
  delta: string,
  x: string,
): string {
  const { add, mul, matmul, sum, reshape } = ops(g);
  const { outFeatures: O, inFeatures: I } = target;
  const J = count * rank;
  const left = g.input(PROJECTION.left, 'float32', [O, J]);
  const right = g.input(PROJECTION.right, 'float32', [I, J]);
  const bias = g.input(PROJECTION.bias, 'float32', [J]);
  const byTerms = (): string => sum(mul(matmul(delta, left), add(matmul(x, right), bias)), [1]);
  const byGradient = (): string => {
    const gradient = g.op('FusedMatMul', [delta, x], { transA: 1 }, { domain: MICROSOFT, outputs: [GRADIENT] });
    const last = mul(reshape(sum(delta, [1]), [-1, O, 1]), bias); // G's column of the bias times c, [U,O,J]
    const along = mul(add(matmul(gradient, right), last), left); // [U,O,J]
    // The sum over O as a product with ones: onnxruntime's sums over a middle axis are slow.
    const ones = g.constant({ type: 'float32', data: new Float32Array(O).fill(1), shape: [1, O] });
    return reshape(matmul(ones, along), [-1, J]);
  };
  let block = built ? byGradient() : byTerms(); // [U,J]
  if (shared) block = matmul(g.input(ROWS.items, 'float32', ['items', 'rows']), block); // [B,J]
  if (rank > 1) block = sum(reshape(block, [-1, count, rank]), [2]); // [B,count]
  return mixed === undefined ? block : matmul(block, g.input(PROJECTION.mix, 'float32', [count, mixed])); // [B,M]
}
