import { at, axisOf, broadcastShape, int64s, product, sameType, tabulate, type Value } from '../value.js';
import { axesOperand, int, ints, type Kernel } from './kernel.js';

const withShape = (x: Value, shape: readonly number[]): Value[] => {
  if (product(shape) !== x.data.length) throw new Error(`[${x.shape.join()}] does not take shape [${shape.join()}]`);
  return [{ ...x, shape }];
};

const reshape: Kernel = ([x, target], node) => {
  const zeroCopies = int(node, 'allowzero', 0) === 0;
  const shape = int64s(target!).map((dim, axis) => (dim === 0 && zeroCopies ? x!.shape[axis]! : dim));
  const open = shape.indexOf(-1);
  if (open !== -1) shape[open] = x!.data.length / product(shape.filter((_, axis) => axis !== open));
  return withShape(x!, shape);
};

const flatten: Kernel = ([x], node) => {
  const axis = int(node, 'axis', 1);
  const split = axis < 0 ? axis + x!.shape.length : axis;
  return withShape(x!, [product(x!.shape.slice(0, split)), product(x!.shape.slice(split))]);
};

const squeeze: Kernel = ([x, input], node, opset) => {
  const named = axesOperand(node, input, opset, 13)?.map((axis) => axisOf(axis, x!.shape.length));
  return withShape(
    x!,
    x!.shape.filter((size, axis) => !(named ? named.includes(axis) : size === 1)),
  );
};

const unsqueeze: Kernel = ([x, input], node, opset) => {
  const named = axesOperand(node, input, opset, 13)!;
  const rank = x!.shape.length + named.length;
  const ones = named.map((axis) => axisOf(axis, rank));
  const rest = [...x!.shape];
  return withShape(
    x!,
    Array.from({ length: rank }, (_, axis) => (ones.includes(axis) ? 1 : rest.shift()!)),
  );
};

const transpose: Kernel = ([x], node) => {
  const perm = ints(node, 'perm') ?? x!.shape.map((_, axis) => axis).toReversed();
  const shape = perm.map((axis) => x!.shape[axis]!);
  const source = x!.shape.map(() => 0);
  return [
    tabulate(x!.type, shape, (index) => {
      perm.forEach((axis, i) => (source[axis] = index[i]!));
      return at(x!, source);
    }),
  ];
};

/** Broadcasting both ways: a 1 in the target keeps the input's size. */
const expand: Kernel = ([x, target]) => [
  tabulate(x!.type, broadcastShape(x!.shape, int64s(target!)), (index) => at(x!, index)),
];

const concat: Kernel = (inputs, node) => {
  const parts = inputs.map((part) => part!);
  const axis = axisOf(int(node, 'axis', NaN), parts[0]!.shape.length);
  const starts: number[] = [0];
  for (const part of parts) starts.push(starts.at(-1)! + part.shape[axis]!);
  const shape = parts[0]!.shape.with(axis, starts.at(-1)!);
  const out = tabulate(sameType(...parts), shape, (index) => {
    const which = starts.findLastIndex(
      (start, i) => i < parts.length && start <= index[axis]! && parts[i]!.data.length > 0,
    );
    return at(parts[which]!, index.with(axis, index[axis]! - starts[which]!));
  });
  return [out];
};

const slice: Kernel = ([x, starts, ends, axesInput, stepsInput]) => {
  const rank = x!.shape.length;
  const first = x!.shape.map(() => 0);
  const step = x!.shape.map(() => 1);
  const shape = [...x!.shape];
  const axes = axesInput ? int64s(axesInput).map((axis) => axisOf(axis, rank)) : int64s(starts!).map((_, i) => i);
  axes.forEach((axis, i) => {
    const size = x!.shape[axis]!;
    const stride = stepsInput ? int64s(stepsInput)[i]! : 1;
    const place = (position: number): number => (position < 0 ? position + size : position);
    // Backwards an end may lie before the first element, a start may not.
    const clamp = (position: number, least = stride > 0 ? 0 : -1): number =>
      Math.min(Math.max(position, least), stride > 0 ? size : size - 1);
    first[axis] = clamp(place(int64s(starts!)[i]!), 0);
    step[axis] = stride;
    shape[axis] = Math.max(0, Math.ceil((clamp(place(int64s(ends!)[i]!)) - first[axis]) / stride));
  });
  return [
    tabulate(x!.type, shape, (index) =>
      strided(
        x!,
        index.map((i, axis) => first[axis]! + i * step[axis]!),
      ),
    ),
  ];
};

/** Without broadcasting: an index beyond the shape is a mistake, not a repeat. */
function strided(x: Value, index: readonly number[]): number {
  if (index.some((i, axis) => i < 0 || i >= x.shape[axis]!))
    throw new Error(`[${index.join()}] of [${x.shape.join()}]`);
  return at(x, index);
}

/** With a constant, 0 by default; pads are all starts, then all ends; negative ones crop. */
const pad: Kernel = ([x, padsInput, value]) => {
  const rank = x!.shape.length;
  const pads = int64s(padsInput!);
  if (pads.length !== 2 * rank) throw new Error(`${pads.length} pads for rank ${rank}`);
  if (value) sameType(x!, value);
  const shape = x!.shape.map((size, axis) => size + pads[axis]! + pads[axis + rank]!);
  const out = tabulate(x!.type, shape, (index) => {
    const source = index.map((i, axis) => i - pads[axis]!);
    const inside = source.every((i, axis) => i >= 0 && i < x!.shape[axis]!);
    return inside ? at(x!, source) : (value?.data[0] ?? 0);
  });
  return [out];
};

const shapeOf: Kernel = ([x], node) => {
  const dims = x!.shape.slice(
    int(node, 'start', 0),
    node.attribute.some((a) => a.name === 'end') ? int(node, 'end', 0) : undefined,
  );
  return [{ type: 'int64', shape: [dims.length], data: Float64Array.from(dims) }];
};

export const layout: Readonly<Record<string, Kernel>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Shape: shapeOf,
  Size: ([x]) => [{ type: 'int64', shape: [], data: Float64Array.of(x!.data.length) }],
};
