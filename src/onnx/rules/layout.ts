/** Operators that give the elements of one tensor another shape or order, or repeat them. */
import { intAttribute, intsAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis, type Dim, type Shape } from '../shape.js';
import { productDim } from './symbols.js';
import { commonShape, sameAsInput } from './pointwise.js';
import { constantIntegers, given, sizeAt, unbroadcast, upstream, withAxes } from './rule.js';
import type { Backward, Emitter, Rule } from './rule.js';

function permutation(node: NodeProto, g: Emitter): number[] {
  const rank = g.known(node.input[0]!).shape.length;
  return intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** ONNX Reshape: 0 copies the input's dimension, one −1 takes what is left. */
function reshaped(shape: Shape, target: Shape): Shape | undefined {
  const out: Dim[] = target.map((dim, i) => (dim === 0 ? (shape[i] ?? 1) : dim));
  const open = out.indexOf(-1);
  if (open === -1) return out;
  const left = [...shape];
  for (const dim of out) {
    if (dim === -1) continue;
    const same = left.indexOf(dim);
    if (same !== -1) left.splice(same, 1);
    else if (typeof dim === 'number') left.push(1 / dim);
    else return undefined;
  }
  const symbols = left.filter((dim) => typeof dim === 'string');
  const size = left.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : product), 1);
  if (symbols.length === 0) out[open] = Math.round(size);
  else if (symbols.length === 1 && Math.abs(size - 1) < 1e-9) out[open] = symbols[0]!;
  else out[open] = [...symbols, ...(Math.abs(size - 1) < 1e-9 ? [] : [size])].join('*');
  return out;
}

/** The cotangent in the input's shape, whatever that is at run time. */
const backToInput = (b: Backward): string => b.g.op('Reshape', [upstream(b), b.g.op('Shape', [b.node.input[0]!])]);

function axesOf(node: NodeProto, g: Emitter): number[] | undefined {
  return intsAttribute(node, 'axes') ?? constantIntegers(g, node, 1);
}

export const layout = {
  Reshape: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const target = g.shapeValue(node.input[1]!);
      const out = target && reshaped(shape, target);
      return out && [{ type, shape: out }];
    },
    vjp: (b) => [backToInput(b), undefined],
  },
  Flatten: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axis = normalAxis(intAttribute(node, 'axis', 1), shape.length);
      const join = (dims: Shape): Dim => reshaped(dims.length === 0 ? [1] : dims, [-1])?.[0] ?? 1;
      return [{ type, shape: [join(shape.slice(0, axis)), join(shape.slice(axis))] }];
    },
    vjp: (b) => [backToInput(b)],
  },
  Squeeze: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axes = axesOf(node, g)?.map((axis) => normalAxis(axis, shape.length));
      // Without axes every size that is 1 goes, and a symbol may turn out to be 1.
      if (axes === undefined && (given(node, 1) || shape.some((dim) => typeof dim === 'string'))) return undefined;
      return [{ type, shape: shape.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1)) }];
    },
    vjp: (b) => [backToInput(b), undefined],
  },
  Unsqueeze: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axes = axesOf(node, g);
      if (axes === undefined) return undefined;
      const out: Dim[] = [...shape];
      const rank = shape.length + axes.length;
      for (const axis of axes.map((a) => normalAxis(a, rank)).sort((a, c) => a - c)) out.splice(axis, 0, 1);
      return [{ type, shape: out }];
    },
    vjp: (b) => [backToInput(b), undefined],
  },
  Transpose: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      return [{ type, shape: permutation(node, g).map((axis) => shape[axis]!) }];
    },
    vjp: (b) => {
      const perm = permutation(b.node, b.g);
      return [b.g.op('Transpose', [upstream(b)], { perm: perm.map((_, i) => perm.indexOf(i)) })];
    },
  },
  Expand: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const target = g.shapeValue(node.input[1]!);
      const common = target && commonShape([shape, target]);
      return common && [{ type, shape: common }];
    },
    vjp: (b) => [unbroadcast(b.g, upstream(b), b.node.input[0]!), undefined],
  },
  /** The cotangent with repeats and sizes as axes of their own, summed over the repeats. */
  Tile: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const repeats = g.shapeValue(node.input[1]!);
      return repeats && [{ type, shape: shape.map((dim, i) => productDim(dim, repeats[i]!)) }];
    },
    vjp: (b) => {
      const { g, node } = b;
      const [x, repeats] = [node.input[0]!, node.input[1]!];
      const { type, shape } = g.known(x);
      if (shape.length === 0) return [upstream(b), undefined];
      const sizes = shape.flatMap((_, i) => [sizeAt(g, repeats, i), sizeAt(g, g.op('Shape', [x]), i)]);
      const counts = g.shapeValue(repeats) ?? shape.map((_, i) => `${repeats}[${i}]`);
      const split = g.annotate(
        g.op('Reshape', [upstream(b), g.op('Concat', sizes, { axis: 0 })]),
        type,
        shape.flatMap((dim, i) => [counts[i]!, dim]),
      );
      const repeated = shape.map((_, i) => 2 * i);
      return [withAxes(g, 'ReduceSum', split, repeated, { keepdims: 0 }), undefined];
    },
  },
  /** Keeps a triangle of the last two axes; so does its derivative. */
  Trilu: {
    infer: sameAsInput,
    vjp: (b) => {
      const diagonal = b.node.input.slice(1);
      return [b.g.op('Trilu', [upstream(b), ...diagonal], { upper: intAttribute(b.node, 'upper', 1) }), undefined];
    },
  },
} satisfies Record<string, Rule>;
