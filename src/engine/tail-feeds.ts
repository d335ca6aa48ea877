/** What a tail is fed of some items: the boundary, pooling weights, and which tokens are none, padded to one length. */
import type { Pooling } from '../encoders/encoder.js';
import { ATTENTION_MASK } from '../onnx/cut.js';
import { int64, type Feeds, type Tensor } from '../runtime/session.js';
import { POOLING } from './forward.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { poolingTensor } from './pooling.js';
import { gather, tokensOf, type States } from './states.js';

/**
 * @param places of the items in `states`
 * @param padded A, tokens of the longest
 */
export function tailFeeds(
  { boundary, tail, vector }: ImportedEncoder,
  pooling: Pooling,
  states: States,
  places: readonly number[],
  padded: number,
): Feeds {
  const tokens = places.map((place) => tokensOf(states, place));
  return {
    ...Object.fromEntries(boundary.map(({ name }, i) => [name, gather(states, i, places, padded)])),
    ...(tail.masked && { [ATTENTION_MASK]: maskTensor(tokens, padded) }),
    [POOLING]: poolingTensor(vector ? 'first' : pooling, tokens, padded),
  };
}

/** 1 for a token, 0 for padding, [B,A]. */
function maskTensor(tokens: readonly number[], padded: number): Tensor {
  const mask = new BigInt64Array(tokens.length * padded);
  tokens.forEach((count, row) => mask.fill(1n, row * padded, row * padded + count));
  return int64(mask, [tokens.length, padded]);
}
