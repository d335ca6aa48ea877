/** Soft maxima, stable for large values: the maximum is taken out first. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { Tensorflow, TfTensor } from '../tensorflow.js';

/** The maximum goes first and the logarithm then: their sum would round the logarithm to the maximum's last digit. */
function logSoftmax(tf: Tensorflow, x: TfTensor, axes: number[]): TfTensor {
  const shifted = tf.sub(x, tf.max(x, axes, true));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), axes, true)));
}

export function softmax(tf: Tensorflow, x: TfTensor, axes: number[]): TfTensor {
  const shifted = tf.exp(tf.sub(x, tf.max(x, axes, true)));
  return tf.div(shifted, tf.sum(shifted, axes, true));
}

/** Before operator set 13 all axes from this one on are normalised together. */
function axesOf(c: NodeCall): number[] {
  const { rank } = c.input(0);
  const axis = c.axis(c.int('axis', c.opset >= 13 ? -1 : 1), rank);
  return c.opset >= 13 ? [axis] : c.input(0).shape.flatMap((_, i) => (i < axis ? [] : [i]));
}

export const soft = {
  Softmax: (c) => softmax(c.tf, c.input(0), axesOf(c)),
  LogSoftmax: (c) => logSoftmax(c.tf, c.input(0), axesOf(c)),
} satisfies Record<string, Kernel>;
