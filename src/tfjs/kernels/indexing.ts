/** Elements picked and put by index, and running sums. Indices are read on the host, where they become positions in a flat tensor. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';
import { take } from './ranges.js';

const product = (dims: readonly number[]): number => dims.reduce((size, dim) => size * dim, 1);
/** Negative indices count from the end. */
const wrapped = (index: number, size: number): number => (index < 0 ? index + size : index);

function gather(c: NodeCall): TfTensor {
  const { tf } = c;
  const [x, indices] = [c.input(0), c.input(1)];
  const axis = c.axis(c.int('axis', 0), x.rank);
  const chosen = Array.from(indices.dataSync(), (index) => wrapped(index, x.shape[axis]!));
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return tf.reshape(take(c, x, chosen, axis), shape);
}

/** Rows of a tensor seen as [rows, width], by number. */
function rows(c: NodeCall, x: TfTensor, width: number, numbers: readonly number[], shape: number[]): TfTensor {
  return c.tf.reshape(take(c, c.tf.reshape(x, [-1, width]), numbers, 0), shape);
}

/** Flat position of each element of `indices` when it replaces the coordinate along `axis`. */
function elementPositions(c: NodeCall, x: TfTensor, indices: TfTensor): number[] {
  const axis = c.axis(c.int('axis', 0), x.rank);
  const strides = x.shape.map((_, i) => product(x.shape.slice(i + 1)));
  return Array.from(indices.dataSync(), (index, flat) => {
    let [rest, position] = [flat, 0];
    for (let i = x.rank - 1; i >= 0; i--) {
      const coordinate = i === axis ? wrapped(index, x.shape[axis]!) : rest % indices.shape[i]!;
      position += coordinate * strides[i]!;
      rest = Math.floor(rest / indices.shape[i]!);
    }
    return position;
  });
}

/** Number of the row that each tuple along the last axis of `indices` names; they index the axes from `first` on. */
function tupleRows(x: TfTensor, indices: TfTensor, first: number): { numbers: number[]; depth: number } {
  const depth = indices.shape.at(-1)!;
  const values = indices.dataSync();
  const batch = product(x.shape.slice(0, first));
  const count = values.length / depth;
  const sizes = x.shape.slice(first, first + depth);
  const numbers = Array.from({ length: count }, (_, tuple) =>
    sizes.reduce(
      (row, size, i) => row * size + wrapped(values[tuple * depth + i]!, size),
      Math.floor(tuple / (count / batch)),
    ),
  );
  return { numbers, depth };
}

function gatherND(c: NodeCall): TfTensor {
  const [x, indices] = [c.input(0), c.input(1)];
  const first = c.int('batch_dims', 0);
  const { numbers, depth } = tupleRows(x, indices, first);
  const rest = x.shape.slice(first + depth);
  return rows(c, x, product(rest), numbers, [...indices.shape.slice(0, -1), ...rest]);
}

/** Rows of `x` replaced by rows of `updates`: rows of both, picked by number. Later updates win. */
function replaced(c: NodeCall, x: TfTensor, updates: TfTensor, width: number, numbers: readonly number[]): TfTensor {
  if (c.string('reduction', 'none') !== 'none') c.unsupported('only replacing is supported, no reduction');
  const count = x.size / width;
  const source = Array.from({ length: count }, (_, i) => i);
  numbers.forEach((row, i) => (source[row] = count + i));
  const both = c.tf.concat([c.tf.reshape(x, [-1, width]), c.tf.reshape(updates, [-1, width])], 0);
  return rows(c, both, width, source, x.shape);
}

function scatterND(c: NodeCall): TfTensor {
  const [x, indices, updates] = [c.input(0), c.input(1), c.input(2)];
  const { numbers, depth } = tupleRows(x, indices, 0);
  return replaced(c, x, updates, product(x.shape.slice(depth)), numbers);
}

/** Along the last axis, since the derivative of TensorFlow.js' own is right there only. */
function cumulativeSum(c: NodeCall): TfTensor {
  const { tf } = c;
  const x = c.input(0);
  const axis = c.axis(c.integers(1)?.[0] ?? 0, x.rank);
  const perm = x.shape.map((_, i) => (i === axis ? x.rank - 1 : i === x.rank - 1 ? axis : i));
  const moved = x.rank < 2 ? x : tf.transpose(x, perm);
  const sums = tf.cumsum(moved, x.rank - 1, c.int('exclusive', 0) === 1, c.int('reverse', 0) === 1);
  return x.rank < 2 ? sums : tf.transpose(sums, perm);
}

/** `values` holds what is off and what is on. */
function oneHot(c: NodeCall): TfTensor {
  const { tf } = c;
  const [indices, values] = [c.input(0), c.input(2)];
  const depth = c.integers(1)?.[0] ?? 0;
  const axis = c.axis(c.int('axis', -1), indices.rank + 1);
  const at = tf.expandDims(tf.tensor(Array.from(indices.dataSync(), (i) => wrapped(i, depth)), indices.shape, 'int32'), axis); // prettier-ignore
  const range = tf.reshape(tf.range(0, depth, 1, 'int32'), Array.from({ length: indices.rank + 1 }, (_, i) => (i === axis ? depth : 1))); // prettier-ignore
  const on = tf.cast(tf.equal(at, range), values.dtype);
  const [low, high] = [tf.slice(values, 0, 1), tf.slice(values, 1, 1)];
  return tf.add(tf.mul(on, tf.reshape(tf.sub(high, low), [])), tf.reshape(low, []));
}

export const indexing = {
  Gather: gather,
  GatherElements: (c) => {
    const [x, indices] = [c.input(0), c.input(1)];
    return rows(c, x, 1, elementPositions(c, x, indices), indices.shape);
  },
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: (c) => {
    const [x, indices] = [c.input(0), c.input(1)];
    return replaced(c, x, c.input(2), 1, elementPositions(c, x, indices));
  },
  CumSum: cumulativeSum,
  OneHot: oneHot,
} satisfies Record<string, Kernel>;
