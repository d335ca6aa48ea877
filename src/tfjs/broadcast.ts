/** Broadcasting as a step of its own, for operators whose derivative in TensorFlow.js does not sum repeated axes back. */
import type { Tensorflow, TfTensor } from './tensorflow.js';

/** NumPy broadcasting; shapes that do not fit give the larger size, and the operator that meets them says so. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) =>
    shapes
      .map((shape) => shape[axis - rank + shape.length] ?? 1)
      .reduce((size, dim) => (size === 1 ? dim : dim === 1 ? size : Math.max(size, dim)), 1),
  );
}

/**
 * The tensor repeated to `shape`. A product with ones, since the derivative of TensorFlow.js' own `broadcastTo` ends at rank 4, and
 * a sum with zeros would lose the sign of −0.
 */
export function expand(tf: Tensorflow, x: TfTensor, shape: readonly number[]): TfTensor {
  if (x.shape.length === shape.length && x.shape.every((dim, i) => dim === shape[i])) return x;
  if (x.dtype === 'bool') return tf.cast(expand(tf, tf.cast(x, 'int32'), shape), 'bool');
  return tf.mul(x, tf.ones([...shape], x.dtype));
}

/** All of them in the shape that they broadcast to. */
export function expandAll(tf: Tensorflow, tensors: readonly TfTensor[]): TfTensor[] {
  const shape = broadcastShape(...tensors.map((tensor) => tensor.shape));
  return tensors.map((tensor) => expand(tf, tensor, shape));
}
