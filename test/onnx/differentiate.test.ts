/** What differentiate does beside the rules: fan-out, what has no derivative, and what it refuses. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { FungiError, type ErrorCode } from '../../src/core/errors.js';
import type { Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from '../../src/onnx/proto/onnx_pb.js';
import { RULES } from '../../src/onnx/rules/table.js';
import type { Shape } from '../../src/onnx/shape.js';
import { evaluate } from './interpreter.js';
import { tabulate } from './value.js';

function errorOf(run: () => unknown): FungiError {
  try {
    run();
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function graph(opset = 17): { g: GraphBuilder; x: string } {
  const g = new GraphBuilder('toy tail', opset);
  return { g, x: g.input('x', 'float32', [2, 3]) };
}

/** x = [[−2, −1, 0], [1, 2, 3]]. */
const STEPS = { x: tabulate('float32', [2, 3], ([i, j]) => 3 * i! + j! - 2) };

const gradientAt = (g: GraphBuilder, value: string, variable = 'x'): number[] =>
  [...evaluate(g, [differentiate(g, value, variable)], STEPS)[0]!.data].map((v) => v + 0); // no −0

describe('differentiate', () => {
  it('adds up what comes back to a tensor used twice by one node and again by another', () => {
    const { g, x } = graph();
    const square = g.op('Mul', [x, x]);
    const value = g.op('Add', [square, g.op('Mul', [square, x])]); // x² + x³
    expect(gradientAt(g, value)).toEqual([8, 1, 0, 5, 16, 33]); // 2x + 3x²
  });

  it('gives ones when the value is the variable itself', () => {
    const { g, x } = graph();
    expect(gradientAt(g, x)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('differentiates for a tensor in the middle of a graph, and looks no further back', () => {
    const { g, x } = graph();
    const odd = g.annotate(g.op('NoSuchOperator', [x]), 'float32', [2, 3]);
    const middle = g.op('Neg', [x]);
    const value = g.op('Mul', [middle, middle]);
    expect(gradientAt(g, value, middle)).toEqual([4, 2, 0, -2, -4, -6]);
    expect(() => differentiate(g, g.op('Mul', [odd, odd]), odd)).not.toThrow();
  });

  it('ignores branches that do not lead to the value, whatever they hold', () => {
    const { g, x } = graph();
    const value = g.op('Mul', [x, x]);
    g.op('NoSuchOperator', [x]);
    expect(gradientAt(g, value)).toEqual([-4, -2, 0, 2, 4, 6]);
  });

  it('computes no derivative for constants', () => {
    const { g, x } = graph();
    const weight = g.constant({ type: 'float32', data: new Float32Array(12), shape: [3, 4] });
    const value = g.op('MatMul', [x, weight]);
    differentiate(g, value, x);
    const backward = g.nodes.slice(1).map((node) => node.opType);
    expect(backward.filter((type) => type === 'MatMul')).toHaveLength(1);
  });

  it('lets nothing through comparisons, shapes and sizes', () => {
    const { g, x } = graph();
    const mask = g.op('Cast', [g.op('Greater', [x, g.scalar(0)])], { to: 1 });
    const rows = g.op('Cast', [g.op('Size', [x])], { to: 1 });
    expect(gradientAt(g, g.op('Mul', [g.op('Mul', [x, mask]), rows]))).toEqual([0, 0, 0, 6, 6, 6]);
  });

  it('does not mind operands beside its path whose sizes only a run can compare', () => {
    const g = new GraphBuilder('toy tail');
    const [x, y] = [g.input('x', 'float32', [2, 'T']), g.input('y', 'float32', [2, 'S'])];
    const mask = g.op('Cast', [g.op('Less', [x, y])], { to: 1 });
    expect(g.info(mask)).toBeUndefined();
    expect(() => g.op('Add', [g.input('a', 'float32', [2]), g.input('b', 'float32', [3])])).toThrow('[2]');
    expect(() => differentiate(g, g.op('Mul', [x, x]), x)).not.toThrow();
  });

  it('needs no rule for operators that only sizes and comparisons lead through', () => {
    const { g, x } = graph();
    const size = g.op('NoSuchOperator', [g.op('Shape', [x])]);
    const chosen = g.op('AnotherOperator', [g.op('LessOrEqual', [x, size])]);
    const scale = g.annotate(g.op('Cast', [chosen], { to: 1 }), 'float32', [2, 3]);
    expect(() => differentiate(g, g.op('Mul', [x, scale]), x)).not.toThrow();
  });

  it('is 0 at the kink of Relu, as in PyTorch', () => {
    const { g, x } = graph();
    expect(gradientAt(g, g.op('Relu', [x]))).toEqual([0, 0, 0, 1, 1, 1]);
  });

  const ties: readonly (readonly [string, (g: GraphBuilder, x: string) => string, readonly number[]])[] = [
    ['Max shares between equal operands', (g, x) => g.op('Max', [x, g.op('Identity', [x]), g.scalar(0)]), [0, 0, 2 / 3, 1, 1, 1]],
    ['Min shares with a constant that is equal', (g, x) => g.op('Min', [x, g.scalar(0)]), [1, 1, 0.5, 0, 0, 0]],
    ['Clip counts its bounds to the inside', (g, x) => g.op('Clip', [x, g.scalar(-1), g.scalar(2)]), [0, 1, 1, 1, 1, 0]],
    ['Abs is flat at 0', (g, x) => g.op('Abs', [x]), [-1, -1, 0, 1, 1, 1]],
    ['LeakyRelu takes 0 for negative', (g, x) => g.op('LeakyRelu', [x], { alpha: { float: 0.5 } }), [0.5, 0.5, 0.5, 1, 1, 1]],
    ['Elu is smooth at 0', (g, x) => g.op('Relu', [g.op('Elu', [x])]), [0, 0, 0, 1, 1, 1]],
    ['HardSigmoid is flat where it is full', (g, x) => g.op('HardSigmoid', [x], { alpha: { float: 0.25 }, beta: { float: 0.5 } }), [0, 0.25, 0.25, 0.25, 0, 0]],
    ['ReduceMax shares between equal elements, one of them clipped', (g, x) => g.op('ReduceMax', [g.op('Clip', [x, g.scalar(-2), g.scalar(2)])], { axes: [1] }), [0, 0, 1, 0, 0.5, 0]],
    ['ReduceL2 of nothing but zeros', (g, x) => g.op('ReduceL2', [g.op('Mul', [x, g.scalar(0)])], { axes: [1] }), [0, 0, 0, 0, 0, 0]],
    ['whole numbers', (g, x) => g.op('Mul', [x, g.op('Round', [x])]), [-2, -1, 0, 1, 2, 3]],
    ['signs', (g, x) => g.op('Mul', [x, g.op('Sign', [g.op('Floor', [g.op('Ceil', [x])])])]), [-1, -1, 0, 1, 1, 1]],
  ]; // prettier-ignore

  it.each(ties)('at kinks and ties is what PyTorch gives: %s', (_, write, expected) => {
    const { g, x } = graph();
    gradientAt(g, write(g, x)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 6);
    });
  });

  it.each([':Greater', ':Shape', ':Size'])('%s asks for no derivative', (key) => {
    const { g, x } = graph();
    const type = key.slice(1);
    const out = g.op(type, type === 'Greater' ? [x, x] : [x]);
    const node = g.nodes.at(-1)!;
    const before = g.nodes.length;
    const cotangents = RULES.get(key)!.vjp({ g, node, cotangents: [out], needs: () => true });
    expect(cotangents.every((cotangent) => cotangent === undefined)).toBe(true);
    expect(g.nodes).toHaveLength(before);
  });
});

describe('what differentiate refuses', () => {
  it('a value that does not depend on the variable', () => {
    const { g } = graph();
    g.input('z', 'float32', [2]);
    expect(errorOf(() => differentiate(g, g.op('Neg', ['z']), 'x'))).toMatchObject({
      code: 'MODEL_UNSUPPORTED' satisfies ErrorCode,
      message: expect.stringContaining('does not depend on "x"') as string,
    });
  });

  it('a value that depends on the variable only through a comparison', () => {
    const { g, x } = graph();
    const mask = g.op('Cast', [g.op('Greater', [x, g.scalar(0)])], { to: 1 });
    expect(errorOf(() => differentiate(g, mask, x)).code).toBe('MODEL_UNSUPPORTED');
  });

  it.each([
    ['', 'Det', 'operator Det'],
    ['com.microsoft', 'MatMulNBits', 'operator com.microsoft.MatMulNBits'],
  ])('an operator without a rule: %s %s, naming operator, node and graph', (domain, type, shown) => {
    const { g, x } = graph();
    const odd = g.op(type, [x], {}, { domain, name: 'encoder/odd' });
    const error = errorOf(() => differentiate(g, g.op('Neg', [g.op('MatMul', [odd, x])]), x));
    expect(error).toMatchObject({ code: 'OP_UNSUPPORTED', httpStatus: 422 });
    for (const part of ['toy tail', shown, '"encoder/odd"']) expect(error.message).toContain(part);
    expect(error.details).toMatchObject({ node: 'encoder/odd', graph: 'toy tail' });
    expect(error.hint).toBeDefined();
  });

  type Refused = readonly [
    what: string,
    type: string,
    options: {
      readonly more?: (g: GraphBuilder) => readonly string[];
      readonly attributes?: Attributes;
      readonly opset?: number;
      readonly shape?: Shape;
      readonly variable?: string;
    },
  ];
  const input = (g: GraphBuilder, type: 'float32' | 'int64', shape: Shape): string => g.input('y', type, shape);
  const refused: readonly Refused[] = [
    ['an exponent that is an input', 'Pow', { more: (g) => [input(g, 'float32', [])] }],
    ['the derivative for an exponent', 'Pow', { more: (g) => [input(g, 'float32', [])], variable: 'y' }],
    ['a vector of exponents', 'Pow', { more: (g) => [g.constant({ type: 'float32', data: new Float32Array(3), shape: [3] })] }],
    ['axes that are an input', 'ReduceMean', { more: (g) => [input(g, 'int64', [1])], attributes: { keepdims: 0 }, opset: 18, shape: [2] }],
    ['Softmax of set 11 over an axis before the last', 'Softmax', { attributes: { axis: 0 }, opset: 11 }],
    ['LogSoftmax of set 11 over an axis before the last', 'LogSoftmax', { attributes: { axis: 0 }, opset: 11 }],
    ['LayerNormalization over several axes', 'LayerNormalization', { more: (g) => [g.scalar(1)], attributes: { axis: 0 } }],
    ['a product with a vector', 'MatMul', { more: (g) => [input(g, 'float32', [3])], shape: [2] }],
    ['a slice along axes that are an input', 'Slice', { more: (g) => [g.integers([0]), g.integers([1]), input(g, 'int64', [1])], shape: [1, 3] }],
    ['a slice with steps over two axes', 'Slice', { more: (g) => [g.integers([0, 0]), g.integers([2, 2]), g.integers([0, 1]), g.integers([2, 2])], shape: [1, 1] }],
    ['a slice with steps that are an input', 'Slice', { more: (g) => [g.integers([0]), g.integers([2]), g.integers([0]), input(g, 'int64', [1])], shape: [1, 3] }],
    ['bounds of Clip that are differentiated for', 'Clip', { more: (g) => [input(g, 'float32', [])], variable: 'y' }],
    ['parts of sizes that are an input', 'Split', { more: (g) => [input(g, 'int64', [2])], shape: [1, 3] }],
    ['Einsum over a diagonal', 'Einsum', { attributes: { equation: 'ii->i' }, shape: [2] }],
    ['Einsum with an ellipsis', 'Einsum', { attributes: { equation: '...i->...' }, shape: [2] }],
    ['Einsum of operands that broadcast', 'Einsum', { more: (g) => [input(g, 'float32', [1, 4])], attributes: { equation: 'ij,jk->ik' }, shape: [2, 4] }],
    ['indices that are differentiated for', 'Gather', { more: (g) => [input(g, 'float32', [])], variable: 'y' }],
    ['quantised data that are differentiated for', 'DequantizeLinear', { more: (g) => [g.scalar(1)] }],
    ['counting up to what is differentiated for', 'Range', { more: (g) => [g.scalar(1), g.scalar(1)], shape: [1] }],
    ['remainders', 'Mod', { more: (g) => [g.scalar(2)] }],
    ['values of OneHot', 'OneHot', { more: (g) => [g.scalar(2, 'int64'), input(g, 'float32', [2])], shape: [2, 3, 2], variable: 'y' }],
    ['padding by reflection', 'Pad', { more: (g) => [g.integers([0, 1, 0, 1])], attributes: { mode: 'reflect' } }],
    ['dropout in training', 'Dropout', { more: (g) => [g.scalar(0.5), g.constant({ type: 'bool', data: Uint8Array.of(1), shape: [] })] }],
    ['dropout of which only a run says whether it trains', 'Dropout', { more: (g) => [g.scalar(0.5), g.input('y', 'bool', [])] }],
    ['padding by an input', 'Pad', { more: (g) => [input(g, 'int64', [4])], shape: [2, 3] }],
  ]; // prettier-ignore

  it.each(refused)('%s', (_, type, { more, attributes = {}, opset = 17, shape, variable = 'x' }) => {
    const { g, x } = graph(opset);
    const y = g.op(type, [x, ...(more?.(g) ?? [])], attributes, { name: 'encoder/odd' });
    if (shape !== undefined) g.annotate(y, 'float32', shape);
    const error = errorOf(() => differentiate(g, y, variable));
    expect(error.code).toBe('OP_UNSUPPORTED');
    for (const part of ['toy tail', type, '"encoder/odd"']) expect(error.message).toContain(part);
  });

  it('a softmax that set 11 takes by default over all axes but the first', () => {
    for (const type of ['Softmax', 'LogSoftmax']) {
      const g = new GraphBuilder('toy tail', 11);
      const y = g.op(type, [g.input('x', 'float32', [2, 3, 4])]);
      expect(errorOf(() => differentiate(g, y, 'x')).code).toBe('OP_UNSUPPORTED');
    }
  });

  it.each([
    ['transBatchA', 'FusedMatMul', { transBatchA: 1 }],
    ['transBatchB', 'FusedMatMul', { transBatchB: 1 }],
    ['activation "Elu"', 'FusedGemm', { activation: 'Elu' }],
  ] as const)('%s of com.microsoft.%s', (what, type, attributes) => {
    const { g, x } = graph();
    const w = g.constant({ type: 'float32', data: new Float32Array(12), shape: [3, 4] });
    const y = g.op(type, [x, w], attributes, { domain: 'com.microsoft', name: 'encoder/odd' });
    const error = errorOf(() => differentiate(g, g.annotate(y, 'float32', [2, 4]), x));
    expect(error.code).toBe('OP_UNSUPPORTED');
    for (const part of ['toy tail', type, '"encoder/odd"', what]) expect(error.message).toContain(part);
  });

  it('equal parts of an axis of unknown size', () => {
    const g = new GraphBuilder('toy tail');
    g.op('Split', [g.input('x', 'float32', [2, 'T'])], { axis: 1 }, { outputs: ['a', 'b'], name: 'encoder/odd' });
    for (const part of ['a', 'b']) g.annotate(part, 'float32', [2, 'half']);
    const error = errorOf(() => differentiate(g, g.op('Mul', ['a', 'b']), 'x'));
    expect(error.code).toBe('OP_UNSUPPORTED');
    for (const part of ['toy tail', 'Split', '"encoder/odd"', 'axis 1']) expect(error.message).toContain(part);
  });

  it('the mean and inverse deviation that LayerNormalization also gives', () => {
    const { g, x } = graph();
    g.op('LayerNormalization', [x, g.scalar(1)], {}, { outputs: ['y', 'mean', 'inverse'] });
    for (const output of ['mean', 'inverse']) {
      const error = errorOf(() => differentiate(g, g.op('Neg', [output]), x));
      expect(error.code, output).toBe('OP_UNSUPPORTED');
    }
    expect(() => differentiate(g, 'y', x)).not.toThrow();
  });

  it('a branch of a condition, which captures the variable without naming it as an input', () => {
    const { g, x } = graph();
    const flag = g.input('flag', 'bool', []);
    const capturing = create(GraphProtoSchema, {
      node: [create(NodeProtoSchema, { opType: 'Neg', input: [x], output: ['negated'] })],
      output: [create(ValueInfoProtoSchema, { name: 'negated' })],
    });
    g.append(
      create(NodeProtoSchema, {
        opType: 'If',
        name: 'encoder/if',
        input: [flag],
        output: ['chosen'],
        attribute: [create(AttributeProtoSchema, { name: 'then_branch', g: capturing })],
      }),
    );
    const error = errorOf(() => differentiate(g, g.op('Add', ['chosen', x]), x));
    expect(error).toMatchObject({ code: 'OP_UNSUPPORTED', details: { op: 'If', node: 'encoder/if' } });
  });

  it('a tensor of unknown shape, naming it and the node that makes it', () => {
    const { g, x } = graph();
    const odd = g.op('Reshape', [x, g.input('sizes', 'int64', [2])], {}, { name: 'encoder/odd' });
    const error = errorOf(() => differentiate(g, odd, x));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    for (const part of ['toy tail', odd, 'Reshape', 'encoder/odd']) expect(error.message).toContain(part);
  });
});
