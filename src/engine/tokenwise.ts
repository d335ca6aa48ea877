/** Whether each token's last state can be had by itself: what scene understanding takes a patch's feature from. */
import { FungiError } from '../core/errors.js';
import type { GradientEngine } from './engine.js';
import { eachToken, tokensOf, type States } from './states.js';
import { distance, TOLERANCE } from './tolerance.js';

/**
 * That tokens go through the tail one by one: by the graph's structure, and by trying it, since a Reshape may hold the number of tokens.
 * The mean of an item's tokens, each by itself, has to be f(x) of the item under mean pooling.
 *
 * @param states of one item at least, whose tokens are tried
 * @throws {FungiError} MODEL_UNSUPPORTED where they do not; INVALID_ARGUMENT for an encoder that pools otherwise than by the mean of all
 */
export async function assertTokenwise(engine: GradientEngine, states: States): Promise<void> {
  const { tokenwise, sliced, dims } = engine.info;
  if (sliced) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      'states of all tokens are needed, and the encoder keeps those of pooling alone',
      {
        hint: 'Load the encoder with pooling "mean".',
      },
    );
  }
  if (!tokenwise) {
    throw new FungiError('MODEL_UNSUPPORTED', 'the model has no state of each token behind its last attention', {
      hint: 'Name the tensor of the token states with --output and a layer of the last block with --target, or leave both out.',
    });
  }
  const program = await engine.program({});
  const { pooled: whole } = await program.run(states, [[0]]);
  const count = tokensOf(states, 0);
  const { pooled: tokens } = await program.run(
    eachToken(states),
    Array.from({ length: count }, (_, token) => [states.offsets[0]! + token]),
  );
  const mean = new Float32Array(dims);
  for (let d = 0; d < dims; d++) {
    let sum = 0;
    for (let token = 0; token < count; token++) sum += tokens[token * dims + d]!;
    mean[d] = sum / count;
  }
  const error = distance(whole, mean);
  if (error <= TOLERANCE.float32) return;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `what follows the last attention gives other numbers for one token than for all (relative error ${error.toExponential(1)})`,
    { hint: 'Export the model again with dynamic axes and without optimization.', details: { error } },
  );
}
