/** Operators that move elements without changing them. */
import { intAttribute, intsAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis, type Dim, type Shape } from '../shape.js';
import {
  constantIntegers,
  unbroadcast,
  unsupported,
  upstream,
  type Backward,
  type Emitter,
  type Rule,
} from './rule.js';

function permutation(node: NodeProto, g: Emitter): number[] {
  const rank = g.known(node.input[0]!).shape.length;
  return intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** ONNX Reshape: 0 copies the input's dimension, one −1 takes what is left. */
function reshaped(shape: Shape, target: readonly number[]): Shape | undefined {
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
      const constant = constantIntegers(g, node, 1);
      const out = constant === undefined ? g.shapeValue(node.input[1]!) : reshaped(shape, constant);
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
      const target = g.shapeValue(node.input[1]!);
      return target && [{ type: g.known(node.input[0]!).type, shape: target }];
    },
    vjp: (b) => [unbroadcast(b.g, upstream(b), b.node.input[0]!), undefined],
  },
  Concat: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axis = normalAxis(intAttribute(node, 'axis', 0), shape.length);
      const total = sizesAlong(node, g, axis).reduce((sum, size) => sum + size, 0);
      return [{ type, shape: shape.map((dim, i) => (i === axis ? total : dim)) }];
    },
    vjp: (b) => {
      const { g, node } = b;
      const axis = normalAxis(intAttribute(node, 'axis', 0), g.known(node.input[0]!).shape.length);
      let start = 0;
      return sizesAlong(node, g, axis).map((size, i) => {
        const range = [g.integers([start]), g.integers([start + size]), g.integers([axis])];
        start += size;
        return b.needs(i) ? g.op('Slice', [upstream(b), ...range]) : undefined;
      });
    },
  },
  Slice: {
    infer: (node, g) => {
      const range = sliceRange(node, g);
      const { type, shape } = g.known(node.input[0]!);
      return range && [{ type, shape: shape.map((dim, i) => (i === range.axis ? range.end - range.start : dim)) }];
    },
    vjp: (b) => {
      const range =
        sliceRange(b.node, b.g) ?? unsupported(b.node, 'only one constant range over an axis of known size has a rule');
      const { shape, type } = b.g.known(b.node.input[0]!);
      const pads = Array.from({ length: 2 * shape.length }, () => 0);
      pads[range.axis] = range.start;
      pads[shape.length + range.axis] = range.size - range.end;
      const zero = b.g.scalar(0, type === 'float64' ? 'float64' : 'float32');
      return [
        b.g.op('Reshape', [
          b.g.op('Pad', [upstream(b), b.g.integers(pads), zero]),
          b.g.op('Shape', [b.node.input[0]!]),
        ]),
      ];
    },
  },
} satisfies Record<string, Rule>;

function sizesAlong(node: NodeProto, g: Emitter, axis: number): number[] {
  return node.input.map((name) => {
    const size = g.known(name).shape[axis];
    return typeof size === 'number'
      ? size
      : unsupported(node, `the size of "${name}" along axis ${axis} is not constant`);
  });
}

/** The range of a slice with step 1 over one axis of known size, clamped as ONNX does. */
function sliceRange(
  node: NodeProto,
  g: Emitter,
): { axis: number; start: number; end: number; size: number } | undefined {
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => constantIntegers(g, node, i));
  if (starts?.length !== 1 || ends?.length !== 1 || (steps !== undefined && steps[0] !== 1)) return undefined;
  const { shape } = g.known(node.input[0]!);
  const axis = normalAxis(axes?.[0] ?? 0, shape.length);
  const size = shape[axis];
  if (typeof size !== 'number') return undefined;
  const clamp = (position: number): number => Math.min(Math.max(position < 0 ? position + size : position, 0), size);
  return { axis, start: clamp(starts[0]!), end: clamp(ends[0]!), size };
}

/** Shapes as data: nothing is differentiable about them, but derivatives of the operators above are written with them. */
export const shapeData = {
  Shape: {
    infer: (node, g) => [{ type: 'int64', shape: [g.known(node.input[0]!).shape.length] }],
    vjp: () => [undefined],
  },
  Size: {
    infer: () => [{ type: 'int64', shape: [] }],
    vjp: () => [undefined],
  },
} satisfies Record<string, Rule>;
