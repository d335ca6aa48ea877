/** TfjsGraph: what it takes, what it gives, what it leaves behind. */
import { create } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { kl } from '../../src/losses/kl.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import { ops } from '../../src/onnx/ops.js';
import { TensorProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import { elementCode } from '../../src/onnx/tensor.js';
import { float32, float64, int64, type Tensor } from '../../src/runtime/session.js';
import { TfjsGraph } from '../../src/tfjs/graph.js';
import { loadTensorflow, type Tensorflow } from '../../src/tfjs/tensorflow.js';
import { evaluate } from '../onnx/interpreter.js';
import { relativeError } from '../onnx/vjp-check.js';
import { constantsOf, tfjsGraph } from './from-builder.js';

let tf: Tensorflow;
beforeAll(async () => {
  ({ tf } = await loadTensorflow());
});

const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  float32(Float32Array.from(values), shape);
const numbers = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array, Number);

/** y = tanh(x·w) + 1, and a node that nothing needs. */
function small(): GraphBuilder {
  const g = new GraphBuilder('small');
  const x = g.input('x', 'float32', [2, 2]);
  g.op('NoSuchOperator', [x], {}, { outputs: ['dead'], name: 'the dead one' });
  const w = g.constant({ type: 'float32', data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
  g.op('MatMul', [x, w], {}, { outputs: ['z'] });
  g.op('Add', [g.op('Tanh', ['z']), g.scalar(1)], {}, { outputs: ['y'] });
  return g;
}
const X = { x: f32([0.1, -0.2, 0.3, 0.05], [2, 2]) };

describe('loading', () => {
  it('says nothing, and loads once', async () => {
    const said = vi.spyOn(console, 'warn');
    const first = await loadTensorflow();
    expect(await loadTensorflow()).toBe(first);
    expect(first.backend).toBe('@tensorflow/tfjs-backend-cpu');
    expect(first.failed).toEqual({});
    expect(said).not.toHaveBeenCalled();
  });
});

describe('run', () => {
  it('gives inputs, intermediate tensors and outputs by name', async () => {
    const graph = await tfjsGraph(small());
    const { x, z, y } = await graph.run(X, ['x', 'z', 'y']);
    expect(numbers(x)).toEqual(numbers(X.x));
    expect(relativeError(z.data as Float32Array, [-0.5, -0.6, 0.45, 0.8])).toBeLessThan(1e-6);
    expect(y).toMatchObject({ type: 'float32', shape: [2, 2] });
    graph.dispose();
  });

  it('takes a tensor that is fed instead of computing it', async () => {
    const graph = await tfjsGraph(small());
    const { y } = await graph.run({ z: f32([0, 0], [1, 2]) }, ['y']);
    expect(numbers(y)).toEqual([1, 1]);
    graph.dispose();
  });

  it('has float32, int32 and bool for ONNX’ types', async () => {
    const g = new GraphBuilder('types');
    g.input('a', 'float64', ['n']);
    g.input('i', 'int64', ['n']);
    g.op('Greater', ['a', 'a'], {}, { outputs: ['b'] });
    const graph = await tfjsGraph(g);
    const feeds = { a: float64(Float64Array.of(0.1, 2), [2]), i: int64(BigInt64Array.of(-3n, 2n ** 63n - 1n), [2]) };
    const out = await graph.run(feeds, ['a', 'i', 'b']);
    expect(out.a).toEqual({ type: 'float32', data: Float32Array.of(0.1, 2), shape: [2] });
    expect(out.i).toEqual({ type: 'int32', data: Int32Array.of(-3, 2 ** 31 - 1), shape: [2] });
    expect(out.b).toEqual({ type: 'bool', data: Uint8Array.of(0, 0), shape: [2] });
    graph.dispose();
  });

  it('takes weights in half precision', async () => {
    const g = new GraphBuilder('halves');
    g.input('x', 'float32', [2]);
    const rawData = new Uint8Array(Uint16Array.of(0x3c00, 0xc100).buffer); // 1 and −2.5
    const half = create(TensorProtoSchema, { name: 'w', dataType: elementCode('float16'), dims: [2n], rawData });
    g.op('Mul', ['x', g.op('Cast', [g.initializer(half)], { to: 1 })], {}, { outputs: ['y'] });
    const graph = await tfjsGraph(g);
    expect(numbers((await graph.run({ x: f32([2, 2]) }, ['y'])).y)).toEqual([2, -5]);
    graph.dispose();

    const asFed: Tensor = { type: 'float16', data: Uint16Array.of(0x3c00, 0xc100), shape: [2] };
    const constants = new Map([['w', asFed]]);
    const raw = await TfjsGraph.create({ name: 'raw', opset: 17, nodes: g.nodes, constants });
    expect(numbers((await raw.run({ x: f32([2, 2]) }, ['y'])).y)).toEqual([2, -5]);
    raw.dispose();
  });

  it('computes shapes at run time', async () => {
    const g = new GraphBuilder('shapes');
    const x = g.input('x', 'float32', ['B', 'T', 6]);
    const axis = { axis: 0 };
    const sizes = g.op('Shape', [x]);
    const batch = g.op('Unsqueeze', [g.op('Gather', [sizes, g.scalar(0, 'int64')], axis), g.integers([0])]);
    const tokens = g.op('Slice', [sizes, g.integers([1]), g.integers([2]), g.integers([0])]);
    const target = g.op('Concat', [batch, tokens, g.integers([2, -1])], axis);
    const heads = g.op('Transpose', [g.op('Reshape', [x, target])], { perm: [0, 2, 1, 3] });
    const ones = g.op('ConstantOfShape', [g.op('Concat', [batch, g.integers([1, 1, 1])], axis)]);
    g.op('Expand', [g.op('Add', [heads, ones]), g.op('Shape', [heads])], {}, { outputs: ['y'] });
    const graph = await tfjsGraph(g);
    const { y } = await graph.run({ x: f32(Array.from({ length: 36 }, (_, i) => i), [3, 2, 6]) }, ['y']); // prettier-ignore
    expect(y.shape).toEqual([3, 2, 2, 3]);
    expect(numbers(y).slice(0, 9)).toEqual([0, 1, 2, 6, 7, 8, 3, 4, 5]);
    graph.dispose();
  });
});

describe('gradient', () => {
  it('is that of the sum, with respect to inputs, constants and intermediate tensors', async () => {
    const graph = await tfjsGraph(small());
    const { z } = await graph.run(X, ['z']);
    const slope = numbers(z).map((v) => 1 - Math.tanh(v) ** 2);
    const inner = await graph.gradient(X, 'y', 'z', ['y', 'x']);
    expect(relativeError(inner.gradient.data as Float32Array, slope)).toBeLessThan(1e-6);
    expect(numbers(inner.outputs.x)).toEqual(numbers(X.x));
    const { gradient } = await graph.gradient(X, 'y', 'x', []);
    const [a, b, c, d] = slope as [number, number, number, number];
    expect(relativeError(gradient.data as Float32Array, [a + 2 * b, 3 * a + 4 * b, c + 2 * d, 3 * c + 4 * d])).toBeLessThan(1e-6); // prettier-ignore
    const weight = await graph.gradient(X, 'y', 'small/constant_1', []);
    expect(weight.gradient.shape).toEqual([2, 2]);
    graph.dispose();
  });

  it('passes over what is constant between its steps: comparisons, integers, shapes', async () => {
    const g = new GraphBuilder('steps');
    const x = g.input('x', 'float32', [3]);
    const mask = g.op('Cast', [g.op('Greater', [x, g.scalar(0)])], { to: 1 });
    const floor = g.op('Cast', [g.op('Cast', [x], { to: 7 })], { to: 1 });
    const size = g.op('Cast', [g.op('Size', [x])], { to: 1 });
    const { add, mul } = ops(g);
    g.op('Identity', [mul(mul(add(mask, floor), x), size)], {}, { outputs: ['y'] });
    const graph = await tfjsGraph(g);
    const { gradient, outputs } = await graph.gradient({ x: f32([-1.5, 0.5, 2.5]) }, 'y', 'x', ['y']);
    expect(numbers(gradient)).toEqual([-3, 3, 9]);
    expect(numbers(outputs.y)).toEqual([4.5, 1.5, 22.5]);
    graph.dispose();
  });

  it('stops where the graph says so, and goes on through what does not', async () => {
    const g = new GraphBuilder('stop');
    const x = g.input('x', 'float32', [3]);
    const { mul, exp, add, stopGradient } = ops(g);
    const fixed = exp(stopGradient(mul(x, x)));
    g.op('Identity', [add(mul(fixed, x), mul(x, x))], {}, { outputs: ['y'] });
    const graph = await tfjsGraph(g);
    const { gradient, outputs } = await graph.gradient({ x: f32([-1, 0.5, 2]) }, 'y', 'x', ['y', fixed]);
    const squares = [1, 0.25, 4].map(Math.exp);
    expect(relativeError(outputs[fixed]!.data as Float32Array, squares)).toBeLessThan(1e-6);
    const slope = [-2, 1, 4].map((twice, i) => squares[i]! + twice); // not 2x²·exp(x²) more
    expect(relativeError(gradient.data as Float32Array, slope)).toBeLessThan(1e-6);
    await expect(graph.gradient({ x: f32([1, 2, 3]) }, fixed, 'x', [])).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
    graph.dispose();
  });

  it.each(['paper', 'reference'] as const)('keeps digits of KL at temperature 15 in float32: %s', async (mode) => {
    const [dims, latent, items] = [64, 48, 3];
    const rng = Rng.stream(3, 'kl');
    const uniform = (length: number, scale: number): Float32Array => Float32Array.from({ length }, () => scale * (2 * rng.float() - 1)); // prettier-ignore
    const g = new GraphBuilder('kl');
    const x = g.input('x', 'float32', [items, 1, dims]);
    const scale = 1 / Math.sqrt(dims);
    const weight = g.constant({ type: 'float32', data: uniform(dims * latent, scale), shape: [dims, latent] });
    const bias = g.constant({ type: 'float32', data: uniform(latent, scale), shape: [latent] });
    const loss = kl({ mode, latent }).write(g, x, { 'head.weight': weight, 'head.bias': bias });
    const data = uniform(items * dims, 1);
    const graph = await tfjsGraph(g);
    const { gradient, outputs } = await graph.gradient({ x: float32(data, [items, 1, dims]) }, loss, x, [loss]);
    graph.dispose();
    const derivative = differentiate(g, loss, x);
    const feed = { x: { type: 'float32', shape: [items, 1, dims], data: Float64Array.from(data) } as const };
    const [value, slope] = evaluate(g, [loss, derivative], feed);
    // Of a loss of 2e-5 float32 keeps three digits; its derivative, which is what counts, keeps nearly all.
    expect(relativeError(outputs[loss]!.data as Float32Array, value!.data)).toBeLessThan(5e-3);
    expect(relativeError(gradient.data as Float32Array, slope!.data)).toBeLessThan(5e-5);
  });
});

describe('what cannot be', () => {
  it('names an operator without a kernel, its node and the graph, where it is needed', async () => {
    const graph = await tfjsGraph(small());
    await expect(graph.run(X, ['dead'])).rejects.toMatchObject({
      code: 'OP_UNSUPPORTED',
      message: 'small: operator NoSuchOperator (node "the dead one") is not known to the TensorFlow.js engine',
      details: { op: 'NoSuchOperator', node: 'the dead one', graph: 'small' },
    });
    await expect(graph.gradient(X, 'y', 'x', ['dead'])).rejects.toMatchObject({ code: 'OP_UNSUPPORTED' });
    graph.dispose();
  });

  it('names a missing input, a tensor that there is not, and one without a derivative', async () => {
    const graph = await tfjsGraph(small());
    await expect(graph.run({}, ['y'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { tensor: 'x' } });
    await expect(graph.run(X, ['nothing'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(graph.gradient(X, 'x', 'y', [])).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    await expect(graph.run({ x: f32([1, 2, 3], [1, 3]) }, ['y'])).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('small: MatMul node "z"') as string,
    });
    graph.dispose();
    await expect(graph.run(X, ['y'])).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
  });

  it('refuses integers as what is differentiated for', async () => {
    const g = new GraphBuilder('whole');
    g.input('i', 'int64', [2]);
    g.op('Cast', ['i'], { to: 1 }, { outputs: ['y'] });
    const graph = await tfjsGraph(g);
    const feeds = { i: { type: 'int64', data: BigInt64Array.of(1n, 2n), shape: [2] } as const };
    await expect(graph.gradient(feeds, 'y', 'i', [])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    graph.dispose();
  });
});

describe('memory', () => {
  it('is as it was after runs, gradients, failures and the end', async () => {
    const before = tf.memory().numTensors;
    const graph = await tfjsGraph(small());
    await graph.run(X, ['y']);
    const constants = tf.memory().numTensors;
    expect(constants - before).toBe(constantsOf(small()).size);
    for (let i = 0; i < 3; i++) {
      await graph.run(X, ['x', 'z', 'y', 'y']);
      await graph.gradient(X, 'y', 'z', ['y', 'z', 'x']);
      await graph.gradient(X, 'y', 'x', []);
      await expect(graph.run({ x: f32([1, 2, 3], [1, 3]) }, ['y'])).rejects.toThrow();
      await expect(graph.gradient({ x: f32([1, 2, 3], [1, 3]) }, 'y', 'x', [])).rejects.toThrow();
    }
    expect(tf.memory().numTensors).toBe(constants);
    graph.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
