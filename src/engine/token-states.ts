/**
 * Which tensor of a model holds the token states [B,T,D]. Never taken for its place among the outputs: scores of a task head look alike.
 * A tensor that the caller names may be one vector an item, [B,D], as CLIP's `pooler_output` and `image_embeds`: it is f(x) then.
 */
import { FungiError } from '../core/errors.js';
import { assertOutput } from '../onnx/graph.js';
import type { GraphProto, ValueInfoProto } from '../onnx/proto/onnx_pb.js';
import { isFloating } from '../onnx/rules/rule.js';
import { declaredShape, declaredType } from '../onnx/value-info.js';
import type { Tensor } from '../runtime/session.js';

/** What exporters call token states. */
const NAMES = ['last_hidden_state', 'token_embeddings'];

export interface TokenStates {
  readonly tensor: string;
  /** Named by the caller. */
  readonly chosen: boolean;
  /** Neither named by the caller nor called as exporters do: the only output that can be it, if it is as wide as the encoder. */
  readonly guessed: boolean;
}

/**
 * @param chosen tensor that the caller names
 * @throws {FungiError} MODEL_UNSUPPORTED listing the outputs, when none can be it or several could; INVALID_ARGUMENT for a name that the
 *   model does not have
 */
export function findTokenStates(proto: GraphProto, model: string, chosen?: string): TokenStates {
  if (chosen !== undefined) assertOutput(proto, chosen, model);
  const named = chosen ?? NAMES.find((name) => proto.output.some((output) => output.name === name));
  if (named !== undefined) {
    const rank = shapeOf(proto, named)?.length ?? 3;
    if (rank !== 3 && !(chosen !== undefined && rank === 2)) throw refusal(proto, model, `"${named}" has ${rank} axes`);
    return { tensor: named, chosen: chosen !== undefined, guessed: false };
  }
  const possible = proto.output.filter((output) => {
    const type = declaredType(output);
    return (declaredShape(output)?.length ?? 3) === 3 && (type === undefined || isFloating(type));
  });
  if (possible.length === 1) return { tensor: possible[0]!.name, chosen: false, guessed: true };
  const reason =
    possible.length === 0
      ? 'none of its outputs has three'
      : `${possible.map(({ name }) => `"${name}"`).join(' and ')} could both be it`;
  throw refusal(proto, model, reason);
}

/**
 * @param found the tensor as a run gave it
 * @param items B of that run
 * @param widths that token states can have: the target layer's, and those of the tensors beside it
 * @returns D, and whether it is one vector an item
 * @throws {FungiError} MODEL_UNSUPPORTED when it is neither [B,T,D] nor a chosen [B,D], or a guess that is not as wide as the encoder
 */
export function assertTokenStates(
  proto: GraphProto,
  model: string,
  { tensor, chosen, guessed }: TokenStates,
  found: Tensor,
  items: number,
  widths: readonly number[],
): { readonly dims: number; readonly vector: boolean } {
  const shape = `[${found.shape.join(', ')}]`;
  const vector = chosen && found.shape.length === 2;
  if ((found.shape.length !== 3 && !vector) || found.shape[0] !== items)
    throw refusal(proto, model, `"${tensor}" has the shape ${shape}${vector ? ` for ${items} items` : ''}`);
  const dims = found.shape.at(-1)!;
  if (guessed && !widths.includes(dims)) {
    const reason = `"${tensor}" ${shape} is not as wide as the encoder (${[...new Set(widths)].join(', ')}), as the scores of a task head are not`;
    throw refusal(proto, model, reason);
  }
  return { dims, vector };
}

function shapeOf(proto: GraphProto, name: string): readonly unknown[] | undefined {
  const info = [...proto.output, ...proto.valueInfo].find((value) => value.name === name);
  return info && declaredShape(info);
}

function refusal(proto: GraphProto, model: string, reason: string): FungiError {
  const outputs = proto.output.map(show);
  return new FungiError(
    'MODEL_UNSUPPORTED',
    `${model}: token states are [batch, tokens, width], and ${reason}; the outputs are ${outputs.join(', ') || 'none'}`,
    {
      hint: 'Export the encoder without a task head (optimum-cli export onnx --task feature-extraction), or name the tensor of the token states with --output; it may also be one vector an item, [batch, width].',
      details: { outputs: proto.output.map(({ name }) => name) },
    },
  );
}

const show = (output: ValueInfoProto): string => {
  const shape = declaredShape(output);
  return `${output.name}${shape === undefined ? '' : ` [${shape.join(', ')}]`}`;
};
