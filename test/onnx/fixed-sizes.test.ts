/** Sizes known beforehand become constants: the same numbers from fewer nodes, and what a run decides stays with the run. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divide } from '../../src/engine/divide.js';
import type { Encoder } from '../../src/encoders/encoder.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { fixSizes } from '../../src/onnx/fixed-sizes.js';
import { Graph } from '../../src/onnx/graph.js';
import { readModel } from '../../src/onnx/model.js';
import { integers } from '../../src/onnx/tensor.js';
import { float32, Session, type Tensor } from '../../src/runtime/session.js';
import { fixture } from '../support/golden.js';
import { graphProto } from './toy-graphs.js';

const OUTPUT = 'last_hidden_state';
const FRAME = { width: 16, height: 16 };

/** The trunk of a model, with the sizes that its encoder knows. */
async function trunkOf(name: string, encoder: Partial<Encoder>) {
  const model = await readModel(fixture(`media/${name}.onnx`));
  const graph = new Graph(model.proto.graph!, [OUTPUT]);
  const { trunk, boundary } = await divide({ id: name, modality: 'image', ...encoder } as Encoder, model, graph, {});
  const divided = new Graph(
    { ...model.proto.graph!, node: [...trunk.nodes], initializer: [...trunk.initializers.values()] },
    boundary,
  );
  const run = async (pictures: Tensor): Promise<Float32Array[]> => {
    const g = new GraphBuilder('trunk', model.opset);
    g.copy(trunk.nodes, trunk.initializers);
    g.copyInput(model.proto.graph!.input[0]!);
    for (const tensor of boundary) g.untypedOutput(tensor);
    const session = await Session.load(g.build(), name, { folder: model.folder, threads: 1 });
    const results = await session.run({ pixel_values: pictures }, boundary);
    await session.release();
    return boundary.map((tensor) => results[tensor]!.data as Float32Array);
  };
  const resized = trunk.nodes.filter(({ opType }) => opType === 'Resize').map(({ output }) => output[0]!);
  return { nodes: trunk.nodes.length, interpolates: resized.some((tensor) => !divided.isConstant(tensor)), run };
}

const pictures = (count: number): Tensor =>
  float32(Float32Array.from({ length: count * 3 * 256 }, (_, i) => Math.sin(i * i)), [count, 3, 16, 16]); // prettier-ignore

describe('position embeddings', () => {
  it.each([
    ['dinov2/model', { frame: FRAME }],
    ['dinov2/fixed', {}],
    ['beit/model', { frame: FRAME }],
  ])('of %s are interpolated once, and states stay what they were', async (name, encoder) => {
    const [asWritten, fixed] = [await trunkOf(name, { modality: 'text' }), await trunkOf(name, encoder)];
    expect([asWritten.interpolates, fixed.interpolates]).toEqual([true, false]);
    for (const count of [1, 3]) expect(await fixed.run(pictures(count))).toEqual(await asWritten.run(pictures(count)));
  });

  it('are interpolated in every run where neither file nor encoder tells the size', async () => {
    expect((await trunkOf('dinov2/model', {})).interpolates).toBe(true);
  });
});

it('what the batch decides stays, and what depends on nothing else goes', () => {
  const g = new GraphBuilder('toy');
  g.input('x', 'float32', ['B', 3, 8]);
  const size = g.op('Shape', ['x']);
  const at = (place: number): string => g.op('Gather', [size, g.integers([place])]);
  g.op('Concat', [at(0), g.op('Mul', [at(1), at(2)])], { axis: 0 }, { outputs: ['sizes'] });
  g.op('Reshape', ['x', 'sizes'], {}, { outputs: ['y'] });
  const graph = new Graph(graphProto(g), ['y']);
  const shape = new Map([['x', ['B', 3, 8] as const]]);
  const { nodes, constants } = fixSizes(graph, graph.nodes, ['y'], shape, 17);
  expect(nodes.map(({ opType }) => opType)).toEqual(['Shape', 'Gather', 'Concat', 'Reshape']);
  const read = nodes.flatMap(({ input }) => input.map((name) => constants.get(name))).filter((tensor) => tensor);
  expect(read.map((tensor) => integers(tensor!))).toEqual([[24]]);
});

it('a convolution makes the sizes that onnxruntime finds', async () => {
  const axis = fc.record({
    size: fc.integer({ min: 7, max: 20 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(axis, { minLength: 1, maxLength: 2 }), async (axes) => {
      const shape = [2, 3, ...axes.map(({ size }) => size)];
      const kernel = axes.map((a) => a.kernel);
      const weight = [4, 3, ...kernel];
      const count = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
      const g = new GraphBuilder('conv');
      g.input('x', 'float32', ['B', ...shape.slice(1)]);
      const filter = g.constant({ type: 'float32', data: new Float32Array(count(weight)), shape: weight });
      const y = g.op('Conv', ['x', filter], {
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
      });
      g.op('Slice', [g.op('Shape', [y]), g.integers([1]), g.integers([9])], {}, { outputs: ['sizes'] });
      g.output('sizes', 'int64', [axes.length + 1]);
      const graph = new Graph(graphProto(g), ['sizes']);
      const { constants } = fixSizes(graph, graph.nodes, ['sizes'], new Map([['x', ['B', ...shape.slice(1)]]]), 17);
      const session = await Session.load(g.build(), 'conv', { threads: 1 });
      const { sizes } = await session.run({ x: float32(new Float32Array(count(shape)), shape) }, ['sizes']);
      await session.release();
      expect(integers(constants.get('sizes')!)).toEqual(Array.from(sizes.data as BigInt64Array, Number));
    }),
    { numRuns: 25 },
  );
});
