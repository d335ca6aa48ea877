import { elementType, type ElementType } from '../../../src/onnx/tensor.js';
import { at, axisOf, broadcastShape, sameType, tabulate, type Value } from '../value.js';
import { erf } from './erf.js';
import { int, type Kernel } from './kernel.js';

const unary =
  (f: (x: number) => number): Kernel =>
  ([x]) => [{ ...x!, data: x!.data.map(f) }];

function zip(a: Value, b: Value, type: Value['type'], f: (a: number, b: number) => number): Value {
  return tabulate(type, broadcastShape(a.shape, b.shape), (index) => f(at(a, index), at(b, index)));
}

const binary =
  (f: (a: number, b: number) => number): Kernel =>
  ([a, b]) => [zip(a!, b!, sameType(a!, b!), f)];

/** Between float types a cast keeps every digit here: the interpreter computes with reals, and finite differences need that. */
function convert(x: Value, type: ElementType): Value {
  const change = isFloating(type) ? (v: number) => v : type === 'bool' ? (v: number) => Number(v !== 0) : Math.trunc;
  return { type, shape: x.shape, data: x.data.map(change) };
}

const isFloating = (type: ElementType): boolean => type.includes('float');

/** (x − zero point)·scale, both one number or one for each place along `axis`. */
const dequantize: Kernel = ([x, scale, zero], node) => {
  const axis = axisOf(int(node, 'axis', 1), Math.max(x!.shape.length, 2));
  const one = (part: Value, index: readonly number[]): number => part.data[part.shape.length === 0 ? 0 : index[axis]!]!;
  return [tabulate(scale!.type, x!.shape, (i) => (at(x!, i) - (zero ? one(zero, i) : 0)) * one(scale!, i))];
};

export const elementwise: Readonly<Record<string, Kernel>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Mod: binary((a, b) => ((a % b) + b) % b),
  Pow: ([x, y]) => [zip(x!, y!, x!.type, (a, b) => a ** b)],
  Neg: unary((x) => -x),
  Identity: unary((x) => x),
  Dropout: unary((x) => x),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Erf: unary(erf),
  Tanh: unary(Math.tanh),
  Cast: ([x], node) => [convert(x!, elementType(int(node, 'to', 0)))],
  CastLike: ([x, like]) => [convert(x!, like!.type)],
  DequantizeLinear: dequantize,
  Abs: unary(Math.abs),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
};
