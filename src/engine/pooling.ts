/**
 * Pooling as weights over tokens: f(x) = Σ_a w_a·h_a. One form for all kinds, so that the graph has no case for any; padding has
 * weight 0 and, with it, derivative 0.
 */
import type { Pooling } from '../encoders/encoder.js';
import { float32, type Tensor } from '../runtime/session.js';

/** w [A]. */
export function poolingWeights(pooling: Pooling, tokens: number): Float32Array {
  if (pooling === 'mean') return new Float32Array(tokens).fill(1 / tokens);
  const weights = new Float32Array(tokens);
  weights[0] = 1;
  return weights;
}

/** w of a padded batch, [B,A,1]. */
export function poolingTensor(pooling: Pooling, tokens: readonly number[], padded: number): Tensor {
  const out = new Float32Array(tokens.length * padded);
  tokens.forEach((count, row) => {
    out.set(poolingWeights(pooling, count), row * padded);
  });
  return float32(out, [tokens.length, padded, 1]);
}
