/** Operators that move elements without changing them. */
import { broadcastShape, expand } from '../broadcast.js';
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

/** Axes are an attribute, or an input in later operator sets. */
const axesOf = (c: NodeCall, rank: number): number[] | undefined =>
  (c.ints('axes') ?? c.integers(1))?.map((axis) => c.axis(axis, rank));

/** 0 copies the input's dimension (unless `allowzero`), one −1 takes what is left. */
function reshape(c: NodeCall): TfTensor {
  const x = c.input(0);
  const target = c.integers(1) ?? c.ints('shape') ?? [];
  const copies = c.int('allowzero', 0) === 0;
  return c.tf.reshape(x, target.map((dim, i) => (dim === 0 && copies ? x.shape[i]! : dim))); // prettier-ignore
}

function flatten(c: NodeCall): TfTensor {
  const x = c.input(0);
  const axis = c.int('axis', 1);
  const split = axis < 0 ? axis + x.rank : axis;
  const size = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
  return c.tf.reshape(x, [size(x.shape.slice(0, split)), size(x.shape.slice(split))]);
}

function squeeze(c: NodeCall): TfTensor {
  const x = c.input(0);
  const axes = axesOf(c, x.rank);
  return c.tf.reshape(x, x.shape.filter((dim, i) => (axes === undefined ? dim !== 1 : !axes.includes(i)))); // prettier-ignore
}

function unsqueeze(c: NodeCall): TfTensor {
  const x = c.input(0);
  const rank = x.rank + (c.ints('axes') ?? c.integers(1) ?? []).length;
  const shape = [...x.shape];
  for (const axis of (axesOf(c, rank) ?? []).sort((a, b) => a - b)) shape.splice(axis, 0, 1);
  return c.tf.reshape(x, shape);
}

function transpose(c: NodeCall): TfTensor {
  const x = c.input(0);
  return x.rank < 2 ? x : c.tf.transpose(x, c.ints('perm') ?? x.shape.map((_, i) => x.rank - 1 - i));
}

/** Sizes along the axis: given, else equal parts of which the last may be smaller. */
function split(c: NodeCall): TfTensor[] {
  const { tf, node } = c;
  const x = c.input(0);
  const axis = c.axis(c.int('axis', 0), x.rank);
  const total = x.shape[axis]!;
  const part = Math.ceil(total / node.output.length);
  const sizes =
    c.ints('split') ?? c.integers(1) ?? node.output.map((_, i) => Math.max(0, Math.min(part, total - i * part)));
  let start = 0;
  return sizes.map((size) => {
    const begin = x.shape.map((_, i) => (i === axis ? start : 0));
    start += size;
    return tf.slice(x, begin, x.shape.map((dim, i) => (i === axis ? size : dim))); // prettier-ignore
  });
}

/** [d] → [1, d] → [repeats, d] → [repeats·d] along each axis. */
function tile(c: NodeCall): TfTensor {
  const x = c.input(0);
  const repeats = c.integers(1) ?? [];
  const apart = c.tf.reshape(x, x.shape.flatMap((dim) => [1, dim])); // prettier-ignore
  const repeated = expand(c.tf, apart, x.shape.flatMap((dim, i) => [repeats[i]!, dim])); // prettier-ignore
  return c.tf.reshape(repeated, x.shape.map((dim, i) => dim * repeats[i]!)); // prettier-ignore
}

/** Rows and columns of the last two axes: column − row ≤ k is the lower triangle. */
function triangle(c: NodeCall): TfTensor {
  const { tf } = c;
  const x = c.input(0);
  const k = c.integers(1)?.[0] ?? 0;
  const [rows, columns] = [x.shape.at(-2)!, x.shape.at(-1)!];
  const upper = c.int('upper', 1) === 1;
  const mask = Array.from({ length: rows * columns }, (_, i) => {
    const diagonal = (i % columns) - Math.floor(i / columns);
    return upper ? diagonal >= k : diagonal <= k;
  });
  const kept = expand(tf, tf.tensor(mask, [rows, columns], 'bool'), x.shape);
  return tf.where(kept, x, tf.zerosLike(x));
}

export const layout = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: (c) => expand(c.tf, c.input(0), broadcastShape(c.input(0).shape, c.integers(1) ?? [])),
  Concat: (c) => {
    const parts = c.node.input.map((_, i) => c.input(i));
    return c.tf.concat(parts, c.axis(c.int('axis', 0), parts[0]!.rank));
  },
  Split: split,
  Tile: tile,
  Trilu: triangle,
} satisfies Record<string, Kernel>;
