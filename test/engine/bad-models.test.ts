/** Files that are no text encoder, and tokenizers that belong to another one: refused with what they are and the way out. */
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import type { Encoder } from '../../src/encoders/encoder.js';
import { createEngine, type EngineOptions } from '../../src/engine/create-engine.js';
import { attributeProtos, type Attributes } from '../../src/onnx/attributes.js';
import { NodeProtoSchema, ValueInfoProtoSchema, type NodeProto } from '../../src/onnx/proto/onnx_pb.js';
import { inlineTensor } from '../../src/onnx/tensor.js';
import { EditedModels, HIDDEN, TINY_BERT, TINY_WIDTH, type Edit } from '../support/edited-model.js';
import { fixture } from '../support/golden.js';
import { idEncoder } from '../support/id-encoder.js';

let models: EditedModels;
beforeAll(async () => (models = await EditedModels.create()));
afterAll(() => models.remove());

async function refusal(
  path: string,
  {
    pooling = 'first',
    changes = {},
    options = {},
  }: {
    pooling?: 'first' | 'mean';
    changes?: Partial<Encoder>;
    options?: EngineOptions;
  } = {},
): Promise<FungiError> {
  const encoder = { ...idEncoder(path, pooling), ...changes } as Encoder<never>;
  const outcome: unknown = await createEngine(encoder, options).catch((error: unknown) => error);
  if (FungiError.is(outcome)) return outcome;
  throw outcome instanceof Error ? outcome : new Error(`${path} was taken`);
}

const node = (opType: string, input: readonly string[], output: string, attributes: Attributes = {}): NodeProto =>
  create(NodeProtoSchema, {
    opType,
    name: output,
    input: [...input],
    output: [output],
    attribute: attributeProtos(attributes),
  });

/** What keeps a token from seeing those behind it, before each softmax. */
function lookBack(edit: Edit): void {
  const { graph } = edit;
  graph.initializer.push(
    inlineTensor('causal/one', 'int64', BigInt64Array.of(1n), []),
    inlineTensor('causal/two', 'int64', BigInt64Array.of(2n), [1]),
    inlineTensor('causal/from', 'int64', BigInt64Array.of(1n), [1]),
  );
  const far = inlineTensor('', 'float32', Float32Array.of(-1e9), [1]);
  graph.node.unshift(
    node('Shape', ['input_ids'], 'causal/sizes'),
    node('Slice', ['causal/sizes', 'causal/from', 'causal/two'], 'causal/tokens'),
    node('Concat', ['causal/tokens', 'causal/tokens'], 'causal/square', { axis: 0 }),
    node('ConstantOfShape', ['causal/square'], 'causal/full', { value: { tensor: far } }),
    node('Trilu', ['causal/full', 'causal/one'], 'causal/mask', { upper: 1 }),
  );
  for (const [i, softmax] of [...graph.node.entries()].filter(([, { opType }]) => opType === 'Softmax').toReversed()) {
    const masked = `causal/masked/${i}`;
    graph.node.splice(i, 0, node('Add', [softmax.input[0]!, 'causal/mask'], masked));
    softmax.input[0] = masked;
  }
}

describe('a decoder', () => {
  it.each([
    ['past_key_values.0.key', 'a decoder, which goes on from what it has said'],
    ['decoder_input_ids', 'an encoder and its decoder in one'],
    ['encoder_hidden_states', 'a decoder, which reads the states of an encoder'],
  ])('is known by its input %s', async (name, what) => {
    const path = await models.write(({ graph }) => graph.input.push(create(ValueInfoProtoSchema, { name })));
    const error = await refusal(path);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain(`"${name}" says that it is ${what}`);
    expect(error.hint).toContain('encoder_model.onnx');
  });

  it.each(['first', 'mean'] as const)('is known by what its first token sees (pooling %s)', async (pooling) => {
    const error = await refusal(await models.write(lookBack), { pooling });
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/^ids: the state of the first token is the same whatever follows it/);
    expect(error.hint).toContain('Use an encoder');
  });
});

it('a graph without attention has no target, and says so', async () => {
  const path = await models.write((edit) => {
    const table = Float32Array.from({ length: 60 * TINY_WIDTH }, (_, i) => Math.sin(i));
    edit.graph.node = [];
    edit.graph.initializer = [];
    edit.node('Gather', [edit.constant('table', 'float32', table, [60, TINY_WIDTH]), 'input_ids'], 'words');
    const weight = Float32Array.from({ length: TINY_WIDTH ** 2 }, (_, i) => Math.cos(i));
    edit.node('MatMul', ['words', edit.constant('dense.weight', 'float32', weight, [TINY_WIDTH, TINY_WIDTH])], HIDDEN);
    edit.outputs({ name: HIDDEN });
  });
  const error = await refusal(path);
  expect(error.code).toBe('TARGET_NOT_FOUND');
  expect(error.message).toMatch(/^ids: no self-attention output projection leads to "last_hidden_state"/);
  expect(error.hint).toMatch(/Is this an encoder\?.*--target.*edited\/last_hidden_state/);
});

describe('a tokenizer of another model', () => {
  it.each(['fungi/tiny-bert/op17-erf', 'fungi/tiny-bert/op17-fused', 'families/t5/plain', 'families/bert/fp16'])(
    'is known by ids that %s has no embedding for',
    async (name) => {
      const rows = name.startsWith('families') ? 40 : 60;
      const path = fixture(`${name}.onnx`);
      const error = await refusal(path, { changes: { vocabulary: rows + 1 } });
      expect(error.code).toBe('TOKENIZER_INVALID');
      expect(error.message).toBe(
        `ids: the tokenizer has ids up to ${rows}, the model embeddings for ids below ${rows}: they do not belong together`,
      );
      expect(error.details).toEqual({ vocabulary: rows + 1, embeddings: rows });
      const engine = await createEngine({ ...idEncoder(path, 'first'), vocabulary: rows });
      await engine.close();
    },
  );
});

it('a model that overflows is no decoder, and is refused for that', async () => {
  const path = await models.write((edit) => {
    const huge = edit.constant('huge', 'float32', Float32Array.of(3e38), []);
    edit.node('Mul', [edit.renamed(HIDDEN), huge], 'large');
    edit.node('Mul', ['large', huge], HIDDEN);
  });
  const error = await refusal(path);
  expect(error.code).toBe('MODEL_UNSUPPORTED');
  expect(error.message).toContain('is not made of numbers: the model overflows');
});

it('names of tensors and layers that are not there are refused with those that are', async () => {
  const output = await refusal(TINY_BERT, { options: { output: 'hidden' } });
  expect(output.code).toBe('INVALID_ARGUMENT');
  expect(output.message).toContain('last_hidden_state');
  const target = await refusal(TINY_BERT, { options: { target: 'encoder.layer.11' } });
  expect(target.code).toBe('TARGET_NOT_FOUND');
  expect(target.hint).toContain('/attention/output/dense/MatMul');
});
