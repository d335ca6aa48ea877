/** Operators that move elements without changing them. */
import { intAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { broadcast, normalAxis, type Dim, type Shape } from '../shape.js';
import {
  constantIntegers,
  like,
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
      return target && [{ type, shape: broadcast(shape, target) }];
    },
    vjp: (b) => [unbroadcast(b.g, upstream(b), b.node.input[0]!), undefined],
  },
  Concat: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axis = normalAxis(intAttribute(node, 'axis', 0), shape.length);
      const total = sizesAlong(node, g, axis)?.reduce((sum, size) => sum + size, 0);
      return total === undefined ? undefined : [{ type, shape: shape.map((dim, i) => (i === axis ? total : dim)) }];
    },
    vjp: (b) => {
      const { g, node } = b;
      const axis = normalAxis(intAttribute(node, 'axis', 0), g.known(node.input[0]!).shape.length);
      const sizes =
        sizesAlong(node, g, axis) ?? unsupported(g, node, `the sizes along axis ${axis} are not all constant`);
      let start = 0;
      return sizes.map((size, i) => {
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
        sliceRange(b.node, b.g) ??
        unsupported(b.g, b.node, 'only one constant range over an axis of known size has a rule');
      const rank = b.g.known(b.node.input[0]!).shape.length;
      const pads = Array.from({ length: 2 * rank }, () => 0);
      pads[range.axis] = range.start;
      pads[rank + range.axis] = range.size - range.end;
      return [padded(b, pads)];
    },
  },
  Pad: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const pads = constantPads(node, g);
      if (pads === undefined) return undefined;
      const grown = shape.map((dim, i) => {
        const by = pads[i]! + pads[i + shape.length]!;
        return by === 0 ? dim : typeof dim === 'number' ? dim + by : undefined;
      });
      return grown.every((dim) => dim !== undefined) ? [{ type, shape: grown }] : undefined;
    },
    /** Negative pads crop: the cotangent is padded by the opposite. */
    vjp: (b) => {
      const pads = constantPads(b.node, b.g);
      if (pads === undefined || stringAttribute(b.node, 'mode', 'constant') !== 'constant' || b.needs(2))
        unsupported(b.g, b.node, 'only constant padding by constant amounts on all axes has a rule');
      return [
        padded(
          b,
          pads.map((pad) => -pad),
        ),
        undefined,
        undefined,
      ];
    },
  },
} satisfies Record<string, Rule>;

const given = (node: NodeProto, input: number): boolean => (node.input[input] ?? '') !== '';

function sizesAlong(node: NodeProto, g: Emitter, axis: number): number[] | undefined {
  const sizes = node.input.map((name) => g.known(name).shape[axis]);
  return sizes.every((size) => typeof size === 'number') ? sizes : undefined;
}

/** All starts, then all ends; undefined where they are not constant, or given for some axes only (operator set 18). */
const constantPads = (node: NodeProto, g: Emitter): number[] | undefined =>
  given(node, 3) ? undefined : constantIntegers(g, node, 1);

/** The cotangent with zeros around it. */
const padded = (b: Backward, pads: readonly number[]): string =>
  b.g.op('Pad', [upstream(b), b.g.integers(pads), like(b.g, b.node.input[0]!, 0)]);

/** The range of a slice with step 1 over one axis of known size, clamped as ONNX does. */
function sliceRange(
  node: NodeProto,
  g: Emitter,
): { axis: number; start: number; end: number; size: number } | undefined {
  const [starts, ends, axes = [0], steps = [1]] = [1, 2, 3, 4].map((i) =>
    given(node, i) ? (constantIntegers(g, node, i) ?? []) : undefined,
  );
  if (starts?.length !== 1 || ends?.length !== 1 || axes.length !== 1 || steps[0] !== 1) return undefined;
  const { shape } = g.known(node.input[0]!);
  const axis = normalAxis(axes[0]!, shape.length);
  const size = shape[axis];
  if (typeof size !== 'number') return undefined;
  const clamp = (position: number): number => Math.min(Math.max(position < 0 ? position + size : position, 0), size);
  const start = clamp(starts[0]!);
  return { axis, start, end: Math.max(start, clamp(ends[0]!)), size };
}

/** Shapes as data: nothing is differentiable about them, but derivatives of the operators above are written with them. */
export const shapeData = {
  Shape: {
    infer: (node, g) => {
      const { length } = g.known(node.input[0]!).shape;
      const dims = Array.from({ length }).slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', length));
      return [{ type: 'int64', shape: [dims.length] }];
    },
    vjp: () => [undefined],
  },
  Size: {
    infer: () => [{ type: 'int64', shape: [] }],
    vjp: () => [undefined],
  },
} satisfies Record<string, Rule>;
