/** Whether a model takes what the encoder gives it: any number of items of any length, in the encoder's element types, of its vocabulary. */
import { FungiError } from '../core/errors.js';
import type { Encoder } from '../encoders/encoder.js';
import type { Graph } from '../onnx/graph.js';
import { tensorShape } from '../onnx/tensor.js';
import type { GraphProto, ValueInfoProto } from '../onnx/proto/onnx_pb.js';
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
      typeof shape[axis] === 'number' && (shape[axis] !== feed.shape[axis] || (axis === 0 && shape[axis] !== 1));
    if (shape.length !== feed.shape.length || shape.some((_, axis) => fixed(axis)))
      refuse(
        `of the fixed shape ${showShape(shape)}`,
        `batches of any size, here ${showShape(feed.shape)}`,
        FREE_SIZES,
      );
  }
}

/** Whether an input is declared for one item a run, as an export without dynamic axes makes it. */
export const takesOneItem = ({ input, initializer }: GraphProto): boolean => {
  const constants = new Set(initializer.map(({ name }) => name));
  return input.some((value) => !constants.has(value.name) && declaredShape(value)?.[0] === 1);
};

/** For a model that fails on a small batch although its inputs are declared free. */
export function withSizesHint(error: unknown, items: number, tokens: number): unknown {
  if (!FungiError.is(error, 'RUNTIME_FAILED')) return error;
  return new FungiError('RUNTIME_FAILED', `${error.message} (on a probe of ${items} items of up to ${tokens} tokens)`, {
    hint: `If the model was traced for one batch size or length: ${FREE_SIZES.replace('Export', 'export')}`,
    cause: error,
  });
}

/** Inputs by which exporters feed a decoder. */
const DECODER_INPUTS: Readonly<Record<string, string>> = {
  past_key_values: 'a decoder, which goes on from what it has said',
  decoder_input_ids: 'an encoder and its decoder in one',
  encoder_hidden_states: 'a decoder, which reads the states of an encoder',
};

/** @throws {FungiError} MODEL_UNSUPPORTED for a file that its inputs give away as no encoder */
export function assertEncoder(model: string, graph: GraphProto): void {
  for (const { name } of graph.input) {
    const kind = Object.entries(DECODER_INPUTS).find(([prefix]) => name.startsWith(prefix))?.[1];
    if (kind === undefined) continue;
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${model}: its input "${name}" says that it is ${kind}; features need an encoder`,
      {
        hint: 'Exports of encoder-decoder models keep the encoder in encoder_model.onnx: name that file, or use an encoder such as BERT.',
        details: { input: name },
      },
    );
  }
}

/** What may stand between the ids and the table they are looked up in. */
const PASSES_IDS = new Set(['Cast', 'Identity', 'Reshape', 'Unsqueeze', 'Squeeze']);

/** @throws {FungiError} TOKENIZER_INVALID when the tokenizer has ids that the model has no embedding for */
export function assertVocabulary({ id, vocabulary }: Encoder, graph: Graph): void {
  if (vocabulary === undefined) return;
  const fromIds = (tensor: string): boolean => {
    const node = graph.maker(tensor);
    return node === undefined ? tensor === 'input_ids' : PASSES_IDS.has(node.opType) && fromIds(node.input[0]!);
  };
  for (const { opType, input } of graph.nodes) {
    const [table, ids] = opType === 'EmbedLayerNormalization' ? [input[2], input[0]] : [input[0], input[1]];
    if (opType !== 'Gather' && opType !== 'EmbedLayerNormalization') continue;
    const weights = graph.initializers.get(table ?? '');
    if (weights === undefined || ids === undefined || !fromIds(ids)) continue;
    const [rows] = tensorShape(weights) as [number];
    if (vocabulary <= rows) continue;
    throw new FungiError(
      'TOKENIZER_INVALID',
      `${id}: the tokenizer has ids up to ${vocabulary - 1}, the model embeddings for ids below ${rows}: they do not belong together`,
      { hint: 'Take tokenizer and model from one repository.', details: { vocabulary, embeddings: rows } },
    );
  }
}
