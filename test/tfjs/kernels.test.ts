/** Operators without a derivative rule, and variants that the rules' cases leave out: values as onnxruntime has them, derivatives against its differences. */
import { describe, expect, it } from 'vitest';
import { attributeProtos, type Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { inlineTensor } from '../../src/onnx/tensor.js';
import { float32, int64, Session, type Feeds, type Tensor } from '../../src/runtime/session.js';
import { RULES } from '../../src/onnx/rules/table.js';
import { KERNELS } from '../../src/tfjs/kernels/table.js';
import { allCases } from './all-cases.js';
import { tfjsGraph } from './from-builder.js';
import { relativeError } from '../onnx/vjp-check.js';

interface KernelCase {
  readonly op: string;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes?: Attributes;
  readonly opset?: number;
  readonly domain?: string;
  /** Operands to differentiate for. */
  readonly wrt?: readonly number[];
}

/** Irrational steps: no ties, no kinks, and no whole numbers; between −scale and scale, or away from 0 on one side. */
const waves = (shape: readonly number[], scale = 1, offset = 0): Tensor =>
  float32(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => offset + scale * Math.sin(1.7 * i + 0.6)), shape); // prettier-ignore
const whole = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  int64(BigInt64Array.from(values.map(BigInt)), shape);
const bools = (values: readonly number[]): Tensor => ({ type: 'bool', data: Uint8Array.from(values), shape: [values.length] }); // prettier-ignore
const numbers = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  float32(Float32Array.from(values), shape);

const X = waves([3, 4]);
const unary = (op: string, x = X, attributes: Attributes = {}): KernelCase => ({ op, inputs: [x], attributes, wrt: [0] }); // prettier-ignore
const flat = (op: string, inputs: readonly Tensor[], attributes: Attributes = {}): KernelCase => ({ op, inputs, attributes }); // prettier-ignore

const int32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => ({
  type: 'int32',
  data: Int32Array.from(values),
  shape,
});

const attention = (mask: Tensor | undefined, attributes: Attributes = {}): KernelCase => ({
  op: 'Attention',
  domain: 'com.microsoft',
  inputs: [waves([2, 3, 4]), waves([4, 12]), waves([12]), mask],
  attributes: { num_heads: 2, ...attributes },
  wrt: [0, 1, 2],
});

const CASES: readonly KernelCase[] = [
  attention(undefined),
  attention(int32([1, 1, 1, 1, 1, 0], [2, 3])),
  attention(int32([3, 2])),
  attention(int32([3, 2, 0, 1])),
  attention(undefined, { unidirectional: 1, scale: { float: 0.4 } }),
  ...['Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh'].map((op) => unary(op, waves([3, 4], 0.8))),
  unary('Acosh', waves([5], 0.5, 2)),
  unary('Atanh', waves([5], 0.7)),
  unary('Celu'),
  unary('Celu', X, { alpha: { float: 0.4 } }),
  unary('ThresholdedRelu', waves([9], 3), { alpha: { float: 0.7 } }),
  { op: 'PRelu', inputs: [X, waves([4], 0.3)], wrt: [0, 1] },
  { op: 'PRelu', inputs: [X, waves([1], 0.3)], wrt: [0, 1] },
  { op: 'Mean', inputs: [X, waves([4]), waves([3, 1])], wrt: [0, 1, 2] },
  {
    op: 'Mod',
    inputs: [numbers([5.2, -3, 4, -0.7, 2.6]), numbers([1.5, 1.1, -1.7, 2, -3])],
    attributes: { fmod: 1 },
    wrt: [0, 1],
  },
  flat('Mod', [whole([-7, 7, -7, 5]), whole([3, -3, -3, 3])]),
  flat('Mod', [whole([-7, 7, -7, 5]), whole([3, -3, -3, 3])], { fmod: 1 }),
  flat('Div', [whole([-7, 7, -7, 5]), whole([2, -2, -2, 2])]),
  unary('ReduceProd', X, { axes: [1] }),
  unary('ReduceProd', waves([2, 3, 5], 0.5, 1), { axes: [0, 2], keepdims: 0 }),
  unary('ReduceProd', numbers([2, 0, 3, 0.5, -1, 4, 1], [7])),
  unary('ReduceLogSum', waves([3, 4], 0.3, 1), { axes: [-1] }),
  unary('LpNormalization', X, { p: 1 }),
  unary('LpNormalization', X, { axis: 0 }),
  { op: 'CumSum', inputs: [X, whole([0], [])], wrt: [0] },
  { op: 'CumSum', inputs: [X, whole([1], [])], attributes: { exclusive: 1 }, wrt: [0] },
  { op: 'CumSum', inputs: [waves([2, 3, 2]), whole([-2], [])], attributes: { reverse: 1, exclusive: 1 }, wrt: [0] },
  { op: 'GatherElements', inputs: [X, whole([0, 2, -1, 1, 1, 0], [3, 2])], attributes: { axis: 1 }, wrt: [0] },
  { op: 'GatherElements', inputs: [X, whole([0, 2, -1, 1], [1, 4])], wrt: [0] },
  { op: 'GatherND', inputs: [waves([3, 4, 2]), whole([0, 1, -1, 3, 0, 1], [3, 2])], wrt: [0] },
  { op: 'GatherND', inputs: [waves([3, 4, 2]), whole([1, 3, 0], [3, 1])], attributes: { batch_dims: 1 }, wrt: [0] },
  { op: 'ScatterND', inputs: [waves([4, 3]), whole([2, 0], [2, 1]), waves([2, 3], 2)], wrt: [0, 2] },
  { op: 'ScatterND', inputs: [waves([4, 3]), whole([2, 0, -1, 2], [2, 2]), waves([2], 2)], wrt: [0, 2] },
  { op: 'ScatterElements', inputs: [X, whole([0, 2, 1], [1, 3]), waves([1, 3], 2)], wrt: [0, 2] },
  { op: 'ScatterElements', inputs: [X, whole([3, 0], [2, 1]), waves([2, 1], 2)], attributes: { axis: -1 }, wrt: [0, 2] }, // prettier-ignore
  { op: 'Pad', inputs: [X, whole([1, 2, 2, 1])], attributes: { mode: 'reflect' }, wrt: [0] },
  { op: 'Pad', inputs: [X, whole([1, 0, 0, 3])], attributes: { mode: 'edge' }, wrt: [0] },
  { op: 'Slice', inputs: [X, whole([-1, 3]), whole([-9, 0]), whole([0, 1]), whole([-1, -2])], wrt: [0] },
  { op: 'MatMul', inputs: [waves([4]), waves([4, 3])], wrt: [0, 1] },
  { op: 'MatMul', inputs: [waves([2, 3, 4]), waves([4])], wrt: [0, 1] },
  { op: 'MatMul', inputs: [waves([4]), waves([4], 2)], wrt: [0, 1] },
  { op: 'MatMul', inputs: [waves([4]), waves([2, 4, 3])], wrt: [0, 1] },
  { op: 'LayerNormalization', inputs: [waves([2, 3, 4]), waves([3, 4]), waves([3, 4])], attributes: { axis: 1 }, wrt: [0, 1, 2] }, // prettier-ignore
  { op: 'Softmax', inputs: [waves([2, 3, 2])], opset: 11, wrt: [0] },
  { op: 'LogSoftmax', inputs: [waves([2, 3, 2])], attributes: { axis: 0 }, opset: 11, wrt: [0] },
  { op: 'Einsum', inputs: [waves([2, 3]), waves([3, 4]), waves([4, 2])], attributes: { equation: 'ij,jk,kl->il' }, wrt: [0, 1, 2] }, // prettier-ignore
  {
    op: 'Einsum',
    inputs: [waves([2, 5, 3]), waves([1, 5, 3])],
    attributes: { equation: '...i,...i->...' },
    wrt: [0, 1],
  },
  { op: 'Einsum', inputs: [waves([2, 3]), waves([3, 4])], attributes: { equation: 'ba,ac' }, wrt: [0, 1] },
  { op: 'Einsum', inputs: [waves([2, 3, 4])], attributes: { equation: 'abc->ca' }, wrt: [0] },
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((op) => flat(op, [numbers([1, 2, 3, -0]), numbers([1, 3, 2, 0])])), // prettier-ignore
  ...['And', 'Or', 'Xor'].map((op) => flat(op, [bools([0, 0, 1, 1]), bools([0, 1, 0, 1])])),
  flat('Not', [bools([0, 1])]),
  flat('IsNaN', [numbers([0, NaN, Infinity])]),
  flat('IsInf', [numbers([0, NaN, Infinity, -Infinity])]),
  flat('IsInf', [numbers([0, NaN, Infinity, -Infinity])], { detect_negative: 0 }),
  ...['ArgMax', 'ArgMin'].flatMap((op) => [
    flat(op, [numbers([1, 3, 3, 1, 1, 5], [2, 3])], { axis: 1 }),
    flat(op, [numbers([1, 3, 3, 1, 1, 5], [2, 3])], { axis: -1, select_last_index: 1, keepdims: 0 }),
  ]),
  ...['Sign', 'Floor', 'Ceil', 'Round'].map((op) => flat(op, [numbers([-2.5, -1.2, -0, 0, 0.5, 1.5, 2.4])])),
  flat('NonZero', [numbers([0, 2, 0, 3, 4, 0], [2, 3])]),
  flat('Shape', [X]),
  flat('Shape', [waves([2, 3, 4])], { start: -2 }),
  flat('Shape', [waves([2, 3, 4])], { end: -1 }),
  flat('Size', [X]),
  flat('ConstantOfShape', [whole([2, 3])]),
  flat('ConstantOfShape', [whole([2, 3])], { value: { tensor: inlineTensor('', 'int64', BigInt64Array.of(7n), [1]) } }),
  flat('ConstantOfShape', [whole([2])], { value: { tensor: inlineTensor('', 'bool', Uint8Array.of(1), [1]) } }),
  flat('Range', [whole([5], []), whole([-4], []), whole([-3], [])]),
  flat('Range', [numbers([0], []), numbers([1], []), numbers([0.3], [])]),
  flat('OneHot', [whole([0, -1, 2]), whole([3], []), numbers([-1, 5])]),
  flat('OneHot', [whole([0, -1, 2]), whole([3], []), numbers([0, 1])], { axis: 0 }),
  flat('Constant', [], { value: { tensor: inlineTensor('', 'float32', Float32Array.of(1, 2), [2]) } }),
  flat('Constant', [], { value_float: { float: 1.5 } }),
  flat('Constant', [], { value_int: 3 }),
  flat('Constant', [], { value_ints: [1, 2] }),
  flat('DequantizeLinear', [{ type: 'int8', data: Int8Array.of(-3, 5, 7, -128), shape: [2, 2] }, numbers([0.5, 2]), { type: 'int8', data: Int8Array.of(1, -1), shape: [2] }]), // prettier-ignore
  flat('DequantizeLinear', [{ type: 'uint8', data: Uint8Array.of(3, 255), shape: [2] }, numbers([0.5], []), { type: 'uint8', data: Uint8Array.of(128), shape: [] }]), // prettier-ignore
];

const name = (i: number): string => `x${i}`;

function graphOf({ op, inputs, attributes = {}, opset = 17, domain = '' }: KernelCase): GraphBuilder {
  const g = new GraphBuilder('kernel', opset);
  const names = inputs.map((input, i) => (input === undefined ? '' : g.input(name(i), input.type, input.shape)));
  const y = g.op(op, names, attributes, { outputs: ['y'], domain });
  g.untypedOutput(y);
  return g;
}

const feedsOf = ({ inputs }: KernelCase): Feeds =>
  Object.fromEntries(inputs.flatMap((input, i) => (input === undefined ? [] : [[name(i), input] as const])));
const values = ({ data }: Tensor): number[] => Array.from(data as Float32Array, Number);
const total = (tensor: Tensor): number => values(tensor).reduce((sum, value, i) => sum + value * weight(i), 0);
/** Makes the elements of a result count differently. */
const weight = (i: number): number => 1 + Math.cos(i);

/** Central differences of onnxruntime's values in float32: few digits, and enough to tell a wrong derivative. */
async function differences(session: Session, feeds: Feeds, input: string): Promise<number[]> {
  const x = feeds[input]!;
  const [out, h] = [[] as number[], 2 ** -8];
  for (const [i, center] of values(x).entries()) {
    const at = async (shift: number): Promise<number> => {
      const data = Float32Array.from(x.data as Float32Array).with(i, center + shift);
      return total((await session.run({ ...feeds, [input]: { ...x, data } }, ['y'])).y);
    };
    out.push((8 * ((await at(h)) - (await at(-h))) - ((await at(2 * h)) - (await at(-2 * h)))) / (12 * h));
  }
  return out;
}

const label = ({ op, inputs, attributes = {} }: KernelCase): string =>
  `${op} ${inputs.map((x) => `[${x?.shape.join() ?? ''}]`).join(' ')} ${attributeProtos(attributes).map((a) => a.name).join()}`; // prettier-ignore

describe('kernels', () => {
  it.each(CASES.map((c) => [label(c), c] as const))('%s', async (_, c) => {
    const g = graphOf(c);
    const feeds = feedsOf(c);
    const session = await Session.load(g.build(), 'kernel', { threads: 1 });
    const expected = (await session.run(feeds, ['y'])).y;
    const size = values(expected).length;
    g.op('Mul', ['y', 'r'], {}, { outputs: ['weighted'] });
    const r = float32(Float32Array.from({ length: size }, (_, i) => weight(i)), expected.shape); // prettier-ignore
    const graph = await tfjsGraph(g);
    const { y } = await graph.run(feeds, ['y']);
    expect(y.shape).toEqual(expected.shape);
    expect(relativeError(values(y), values(expected))).toBeLessThan(2e-6);
    for (const i of c.wrt ?? []) {
      const { gradient } = await graph.gradient({ ...feeds, r }, 'weighted', name(i), []);
      const numeric = await differences(session, feeds, name(i));
      expect(gradient.shape).toEqual(feeds[name(i)]!.shape);
      expect(relativeError(values(gradient), numeric, 1e-2), `operand ${i}`).toBeLessThan(2e-3);
    }
    graph.dispose();
    await session.release();
  });

  it('each have a case here or among those of the rules', async () => {
    const here = new Set([
      ...CASES.map(({ op, domain = '' }) => `${domain}:${op}`),
      ...(await allCases()).map(({ rule }) => rule),
    ]);
    const missing = [...KERNELS.keys()].filter((key) => !here.has(key));
    expect(missing).toEqual([':Swish']); // onnxruntime lacks it too
    expect([...RULES.keys()].filter((key) => !KERNELS.has(key))).toEqual([]);
  });
});
