import { elementType } from '../../../src/onnx/tensor.js';
import { at, broadcastShape, sameType, tabulate, type Value } from '../value.js';
import { erf } from './erf.js';
import { int, text, type Kernel } from './kernel.js';

const unary =
  (f: (x: number) => number): Kernel =>
  ([x]) => [{ ...x!, data: x!.data.map(f) }];

function zip(a: Value, b: Value, type: Value['type'], f: (a: number, b: number) => number): Value {
  return tabulate(type, broadcastShape(a.shape, b.shape), (index) => f(at(a, index), at(b, index)));
}

const binary =
  (f: (a: number, b: number) => number): Kernel =>
  ([a, b]) => [zip(a!, b!, sameType(a!, b!), f)];

const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** Fused forms of onnxruntime: f(x + bias), the bias being optional and along the last axis. */
const biased =
  (f: (x: number) => number): Kernel =>
  ([x, bias]) => [
    bias === undefined ? { ...x!, data: x!.data.map(f) } : zip(x!, bias, sameType(x!, bias), (a, b) => f(a + b)),
  ];

/** Between float types a cast keeps every digit here: the interpreter computes with reals, and finite differences need that. */
const cast: Kernel = ([x], node) => {
  const type = elementType(int(node, 'to', 0));
  const convert = type.startsWith('float')
    ? (v: number) => v
    : type === 'bool'
      ? (v: number) => Number(v !== 0)
      : Math.trunc;
  return [{ type, shape: x!.shape, data: x!.data.map(convert) }];
};

export const elementwise: Readonly<Record<string, Kernel>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: ([x, y]) => [zip(x!, y!, x!.type, (a, b) => a ** b)],
  Greater: ([a, b]) => [{ ...zip(a!, b!, sameType(a!, b!), (x, y) => Number(x > y)), type: 'bool' }],
  Neg: unary((x) => -x),
  Identity: unary((x) => x),
  Dropout: unary((x) => x),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Erf: unary(erf),
  Tanh: unary(Math.tanh),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Relu: unary((x) => Math.max(x, 0)),
  Cast: cast,
  Gelu: (inputs, node, opset) =>
    unary(text(node, 'approximate', 'none') === 'tanh' ? tanhGelu : gelu)(inputs, node, opset),
};

export const microsoft: Readonly<Record<string, Kernel>> = {
  Gelu: unary(gelu),
  BiasGelu: biased(gelu),
  FastGelu: biased(tanhGelu),
};
