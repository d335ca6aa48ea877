/** Sums, extremes and norms over axes. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { Tensorflow, TfTensor } from '../tensorflow.js';
import { absolute } from './arithmetic.js';

/** The axes a reduction runs over, from an attribute or an input: all when none are named, or none where `noop_with_empty_axes` says so. */
function axesOf(c: NodeCall): number[] {
  const { rank } = c.input(0);
  const named = c.ints('axes') ?? c.integers(1) ?? [];
  if (named.length > 0) return named.map((axis) => c.axis(axis, rank));
  return c.int('noop_with_empty_axes', 0) === 1 ? [] : c.input(0).shape.map((_, i) => i);
}

/** What is reduced, over which axes; results keep the axes with size 1. */
type Reduce = (tf: Tensorflow, x: TfTensor, axes: number[]) => TfTensor;

const reduction =
  (reduce: Reduce): Kernel =>
  (c) => {
    const x = c.input(0);
    const axes = axesOf(c);
    const kept = reduce(c.tf, x, axes);
    if (c.int('keepdims', 1) === 1) return kept;
    return c.tf.reshape(kept, x.shape.filter((_, i) => !axes.includes(i))); // prettier-ignore
  };

const sum: Reduce = (tf, x, axes) => (axes.length === 0 ? x : tf.sum(x, axes, true));
const max: Reduce = (tf, x, axes) => (axes.length === 0 ? x : tf.max(x, axes, true));

/** Stable: with the maximum m taken out, m + log Σ exp(x − m). */
const logSumExp: Reduce = (tf, x, axes) => {
  const m = max(tf, x, axes);
  return tf.add(tf.log(sum(tf, tf.exp(tf.sub(x, m)), axes)), m);
};

/** √Σx², with derivative 0 at 0, where the root's own is infinite. */
function norm(tf: Tensorflow, x: TfTensor, axes: number[]): TfTensor {
  const square = sum(tf, tf.square(x), axes);
  const isZero = tf.greaterEqual(0, square);
  const zero = tf.zerosLike(square);
  return tf.where(isZero, zero, tf.sqrt(tf.where(isZero, tf.onesLike(square), square)));
}

/** By halves, since the derivative of TensorFlow.js' own needs methods that its Node build lacks. */
function product(tf: Tensorflow, x: TfTensor, axes: number[]): TfTensor {
  if (axes.length === 0) return x;
  const others = x.shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  let rest = tf.reshape(tf.transpose(x, [...others, ...axes]), [-1, axes.reduce((n, axis) => n * x.shape[axis]!, 1)]);
  for (let size = rest.shape[1]!; size > 1; size = Math.ceil(size / 2)) {
    const half = Math.ceil(size / 2);
    const second = tf.slice(rest, [0, half], [-1, size - half]);
    const padded = tf.pad(second, [[0, 0], [0, 2 * half - size]], 1); // prettier-ignore
    rest = tf.mul(tf.slice(rest, [0, 0], [-1, half]), padded);
  }
  return tf.reshape(rest, x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim))); // prettier-ignore
}

export const reductions = {
  ReduceSum: reduction(sum),
  ReduceMean: reduction((tf, x, axes) => (axes.length === 0 ? x : tf.mean(x, axes, true))),
  ReduceMax: reduction(max),
  ReduceMin: reduction((tf, x, axes) => (axes.length === 0 ? x : tf.min(x, axes, true))),
  ReduceProd: reduction(product),
  ReduceL1: reduction((tf, x, axes) => sum(tf, absolute(tf, x), axes)),
  ReduceL2: reduction(norm),
  ReduceSumSquare: reduction((tf, x, axes) => sum(tf, tf.square(x), axes)),
  ReduceLogSum: reduction((tf, x, axes) => tf.log(sum(tf, x, axes))),
  ReduceLogSumExp: reduction(logSumExp),
} satisfies Record<string, Kernel>;
