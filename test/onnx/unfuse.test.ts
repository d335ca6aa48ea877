/** Fused operators taken apart: the same numbers from plainer nodes, and what is not understood left alone. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Attributes } from '../../src/onnx/attributes.js';
import { Graph } from '../../src/onnx/graph.js';
import { readModel } from '../../src/onnx/model.js';
import { TensorProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import { elementCode } from '../../src/onnx/tensor.js';
import { unfuse } from '../../src/onnx/unfuse.js';
import { int64, Session, type Tensor } from '../../src/runtime/session.js';
import { fixture, relativeError } from '../support/golden.js';
import { graphProto } from './toy-graphs.js';

const OUTPUT = 'last_hidden_state';
const FAMILIES = ['bert', 'distilbert', 'roberta', 'mpnet', 'albert', 'electra'] as const;

/** Token states of a padded batch. */
async function states(path: string, plain: boolean): Promise<{ hidden: Tensor; ops: string[] }> {
  const model = await readModel(path);
  const graph = new Graph(model.proto.graph!, [OUTPUT]);
  const { nodes, constants } = plain
    ? unfuse(graph, graph.nodes, model.opset)
    : { nodes: graph.nodes, constants: new Map<string, never>() };
  const g = new GraphBuilder('unfused', model.opset);
  g.copy(nodes, new Map([...graph.initializers, ...constants]));
  const inputs = model.proto.graph!.input.filter(({ name }) => !graph.initializers.has(name));
  inputs.forEach((input) => {
    g.copyInput(input);
  });
  g.untypedOutput(OUTPUT);
  const session = await Session.load(g.build(), 'unfused', { folder: model.folder, threads: 1 });
  const ids = [5, 9, 12, 7, 8, 3, 6, 4, 0, 0, 0, 0].map(BigInt);
  const mask = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0].map(BigInt);
  const feeds: Record<string, Tensor> = {
    input_ids: int64(BigInt64Array.from(ids), [2, 6]),
    attention_mask: int64(BigInt64Array.from(mask), [2, 6]),
    token_type_ids: int64(new BigInt64Array(12), [2, 6]),
  };
  const needed = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!]));
  const { [OUTPUT]: hidden } = await session.run(needed, [OUTPUT]);
  await session.release();
  return { hidden, ops: nodes.map(({ opType }) => opType) };
}

describe.each(FAMILIES)('%s, as onnxruntime optimises it', (family) => {
  it('has the same states without fused normalisation and attention', async () => {
    const path = fixture(`families/${family}/optimised.onnx`);
    const [fused, plain] = [await states(path, false), await states(path, true)];
    expect(fused.ops).toContain('SkipLayerNormalization');
    expect(plain.ops).not.toContain('SkipLayerNormalization');
    if (fused.ops.includes('Attention')) {
      expect(plain.ops).not.toContain('Attention');
      expect(plain.ops).toContain('MultiHeadAttention');
    }
    // Of the first row, and of the two tokens of the second that are no padding.
    const width = fused.hidden.shape[2]!;
    const seen = ({ hidden }: { hidden: Tensor }): Float32Array => (hidden.data as Float32Array).subarray(0, 8 * width);
    expect(relativeError(seen(plain), seen(fused))).toBeLessThan(1e-5);
  });
});

describe('left alone', () => {
  const opsOf = (opset: number, write: (g: GraphBuilder) => string): string[] => {
    const g = new GraphBuilder('toy', opset);
    const graph = new Graph(graphProto(withOutput(g, write(g))), ['y']);
    return unfuse(graph, graph.nodes, opset).nodes.map(({ opType }) => opType);
  };
  const withOutput = (g: GraphBuilder, tensor: string): GraphBuilder => {
    g.op('Identity', [tensor], {}, { outputs: ['y'] });
    g.untypedOutput('y');
    return g;
  };
  const floats = (g: GraphBuilder, shape: readonly number[]): string =>
    g.constant({ type: 'float32', data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5), shape });
  const microsoft = (outputs: readonly string[]) => ({ domain: 'com.microsoft', outputs });

  const skip = (outputs: readonly string[]) => (g: GraphBuilder) => {
    const x = g.input('x', 'float32', ['B', 'T', 4]);
    g.op('SkipLayerNormalization', [x, x, floats(g, [4]), floats(g, [4])], {}, microsoft(outputs));
    return outputs.find((name) => name !== '')!;
  };
  const attention =
    (attributes: Attributes = {}, inputs: (g: GraphBuilder) => string[] = () => []) =>
    (g: GraphBuilder) => {
      const x = g.input('x', 'float32', ['B', 'T', 4]);
      const all = [x, floats(g, [4, 12]), floats(g, [12]), ...inputs(g)];
      return g.op('Attention', all, { num_heads: 2, ...attributes }, microsoft(['a']));
    };
  const mask = (shape: readonly (string | number)[]) => (g: GraphBuilder) => [g.input('mask', 'int32', shape)];

  it('is half precision, whose fused kernels sum in float32', () => {
    const half = (g: GraphBuilder, shape: readonly number[]): string =>
      g.initializer(
        create(TensorProtoSchema, {
          ...{ name: g.fresh('half'), dataType: elementCode('float16'), dims: shape.map(BigInt) },
          rawData: new Uint8Array(2 * shape.reduce((a, b) => a * b, 1)),
        }),
      );
    const norm = (g: GraphBuilder): string => {
      const x = g.input('x', 'float16', ['B', 'T', 4]);
      return g.op('SkipLayerNormalization', [x, x, half(g, [4]), half(g, [4])], {}, microsoft(['n']));
    };
    const fused = (g: GraphBuilder): string => {
      const x = g.input('x', 'float16', ['B', 'T', 4]);
      return g.op('Attention', [x, half(g, [4, 12]), half(g, [12])], { num_heads: 2 }, microsoft(['a']));
    };
    expect(opsOf(17, norm)).toEqual(['SkipLayerNormalization', 'Identity']);
    expect(opsOf(17, fused)).toEqual(['Attention', 'Identity']);
  });

  it('is a normalisation below operator set 17, or whose statistics are read', () => {
    expect(opsOf(17, skip(['n']))).toEqual(['Add', 'LayerNormalization', 'Identity']);
    expect(opsOf(14, skip(['n']))).toEqual(['SkipLayerNormalization', 'Identity']);
    expect(opsOf(17, skip(['n', 'mean']))).toEqual(['SkipLayerNormalization', 'Identity']);
  });

  it.each<[string, (g: GraphBuilder) => string, boolean]>([
    ['plain', attention(), true],
    ['with a mask of keys', attention({}, mask(['B', 'T'])), true],
    ['with a mask of pairs', attention({}, mask(['B', 'T', 'T'])), false],
    ['that looks back only', attention({ unidirectional: 1 }), false],
    ['with rotary positions', attention({ do_rotary: 1 }), false],
    ['with sizes of its own', attention({ qkv_hidden_sizes: [4, 4, 4] }), false],
    ['with a past', attention({}, (g) => ['', g.input('past', 'float32', [2, 'B', 2, 'P', 2])]), false],
  ])('or not is attention %s', (_, write, taken) => {
    expect(opsOf(17, write).includes('Attention')).toBe(!taken);
  });
});
