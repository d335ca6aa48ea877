/**
 * Pooling as weights over tokens: f(x) = Σ_a w_a·h_a. One form for all kinds, so that the graph has no case for any; padding has
 * weight 0 and, with it, derivative 0.
 */
import { FungiError } from '../core/errors.js';
import type { Pooling } from '../encoders/encoder.js';
import { float32, type Tensor } from '../runtime/session.js';

const SOME = /^mean:(\d+):(\d*)$/;

/**
 * The tokens that have a weight: from the first number up to before the second, which is absent where it is the last's.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a pooling that there is not
 */
function pooledTokens(pooling: Pooling): readonly [number, number?] {
  if (pooling === 'first') return [0, 1];
  if (pooling === 'mean') return [0];
  const [, from, to] = SOME.exec(pooling) ?? [];
  const range = [Number(from), ...(to === '' ? [] : [Number(to)])] as [number, number?];
  if (from !== undefined && (range[1] ?? Infinity) > range[0]) return range;
  throw new FungiError('INVALID_ARGUMENT', `pooling "${pooling}" is not first, mean, mean:FROM: or mean:FROM:TO`, {
    hint: 'mean:FROM:TO is the mean of the tokens FROM up to before TO, counted from 0.',
  });
}

/**
 * How many of the first tokens f(x) is made of at most; undefined where all may be.
 *
 * @param vector whether the output is one vector an item, which is made of token 0 alone where it is not made of all
 */
export const tokensRead = (pooling: Pooling, vector: boolean): number | undefined =>
  vector ? 1 : pooledTokens(pooling)[1];

/** w [A]. @throws {FungiError} INVALID_ARGUMENT where an item lacks the tokens that are asked for */
export function poolingWeights(pooling: Pooling, tokens: number): Float32Array {
  const [from, to = tokens] = pooledTokens(pooling);
  if (from >= to || to > tokens)
    throw new FungiError('INVALID_ARGUMENT', `pooling "${pooling}" reads tokens that an item of ${tokens} lacks`);
  return new Float32Array(tokens).fill(1 / (to - from), from, to);
}

/** w of a padded batch, [B,A,1]. */
export function poolingTensor(pooling: Pooling, tokens: readonly number[], padded: number): Tensor {
  const out = new Float32Array(tokens.length * padded);
  tokens.forEach((count, row) => {
    out.set(poolingWeights(pooling, count), row * padded);
  });
  return float32(out, [tokens.length, padded, 1]);
}
