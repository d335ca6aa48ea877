/** Weights stored as small integers. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

/** (x − zero point)·scale, with one scale for all, one for each index of an axis, or one for each block along it. */
function dequantize(c: NodeCall): TfTensor {
  const { tf } = c;
  const [x, scale] = [c.input(0), c.input(1)];
  const along = (parameter: TfTensor): TfTensor => {
    if (parameter.size === 1) return tf.reshape(parameter, []);
    const axis = c.axis(c.int('axis', 1), x.rank);
    const block = c.int('block_size', 0);
    if (block === 0) return tf.reshape(parameter, x.shape.map((dim, i) => (i === axis ? dim : 1))); // prettier-ignore
    const positions = Array.from({ length: x.shape[axis]! }, (_, i) => Math.floor(i / block));
    return tf.gather(parameter, tf.tensor1d(positions, 'int32'), axis);
  };
  const zero = c.inputs[2];
  const centred = zero === undefined ? x : tf.sub(x, along(zero));
  return tf.mul(tf.cast(centred, 'float32'), along(scale));
}

export const quantization = { DequantizeLinear: dequantize } satisfies Record<string, Kernel>;
