/** Whether a model takes what the encoder gives it: any number of items of any length, in the encoder's element types. */
import { FungiError } from '../core/errors.js';
import type { ValueInfoProto } from '../onnx/proto/onnx_pb.js';
import { showShape } from '../onnx/shape.js';
import { declaredShape, declaredType } from '../onnx/value-info.js';
import type { Feeds } from '../runtime/session.js';

const FREE_SIZES =
  'Export it with dynamic axes for batch and tokens, as optimum-cli does (torch.onnx.export: dynamic_axes or dynamic_shapes).';

/**
 * @param feeds of a batch; sizes that differ between batches have to be free in the model
 * @throws {FungiError} MODEL_UNSUPPORTED naming the input, what it is declared as and what comes
 */
export function assertTakes(model: string, inputs: readonly ValueInfoProto[], feeds: Feeds): void {
  for (const input of inputs) {
    const feed = feeds[input.name];
    if (feed === undefined) continue;
    const [type, shape] = [declaredType(input), declaredShape(input)];
    const refuse = (is: string, comes: string, hint: string): never => {
      throw new FungiError('MODEL_UNSUPPORTED', `${model}: input "${input.name}" is ${is}; it would get ${comes}`, {
        hint,
        details: { input: input.name, type, shape },
      });
    };
    if (type !== undefined && type !== feed.type)
      refuse(type, feed.type, `Export it with ${feed.type} inputs, as optimum-cli does.`);
    if (shape === undefined) continue;
    const fixed = (axis: number): boolean =>
      typeof shape[axis] === 'number' && (axis === 0 || shape[axis] !== feed.shape[axis]);
    if (shape.length !== feed.shape.length || shape.some((_, axis) => fixed(axis)))
      refuse(
        `of the fixed shape ${showShape(shape)}`,
        `batches of any size, here ${showShape(feed.shape)}`,
        FREE_SIZES,
      );
  }
}

/** For a model that fails on a small batch although its inputs are declared free. */
export function withSizesHint(error: unknown, items: number, tokens: number): unknown {
  if (!FungiError.is(error, 'RUNTIME_FAILED')) return error;
  return new FungiError('RUNTIME_FAILED', `${error.message} (on a probe of ${items} items of up to ${tokens} tokens)`, {
    hint: `If the model was traced for one batch size or length: ${FREE_SIZES.replace('Export', 'export')}`,
    cause: error,
  });
}
