/** Shapes as data, and tensors from nothing: int64 is int32 here. */
import { toTf } from '../convert.js';
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

function shape(c: NodeCall): TfTensor {
  const dims = c.input(0).shape.slice(c.int('start', 0), c.has('end') ? c.int('end', 0) : undefined);
  return c.tf.tensor(dims, [dims.length], 'int32');
}

function constant(c: NodeCall): TfTensor {
  const { tf } = c;
  const value = c.tensor('value');
  if (value !== undefined) return toTf(tf, value);
  if (c.has('value_float')) return tf.scalar(c.float('value_float', 0));
  if (c.has('value_int')) return tf.scalar(c.int('value_int', 0), 'int32');
  const ints = c.ints('value_ints');
  if (c.has('value_ints') && ints !== undefined) return tf.tensor(ints, [ints.length], 'int32');
  const floats = c.node.attribute.find(({ name }) => name === 'value_floats')?.floats;
  if (floats !== undefined) return tf.tensor(floats, [floats.length], 'float32');
  return c.unsupported('it holds neither numbers nor a tensor');
}

function filled(c: NodeCall): TfTensor {
  const { tf } = c;
  const dims = c.integers(0) ?? [];
  const value = c.tensor('value');
  if (value === undefined) return tf.zeros(dims);
  const one = toTf(tf, value);
  const [fill = 0] = one.dataSync();
  return one.dtype === 'bool' ? tf.cast(tf.fill(dims, fill, 'int32'), 'bool') : tf.fill(dims, fill, one.dtype);
}

function range(c: NodeCall): TfTensor {
  const [start, limit, delta] = [0, 1, 2].map((i) => c.input(i).dataSync()[0]!) as [number, number, number];
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  const values = Array.from({ length }, (_, i) => start + i * delta);
  return c.tf.tensor(values, [length], c.input(0).dtype);
}

/** Coordinates of what is not zero: [rank, count]. */
function nonZero(c: NodeCall): TfTensor {
  const x = c.input(0);
  const found = [...x.dataSync()].flatMap((value, i) => (value === 0 ? [] : [i]));
  const strides = x.shape.map((_, i) => x.shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const coordinates = strides.flatMap((stride, i) => found.map((at) => Math.floor(at / stride) % x.shape[i]!));
  return c.tf.tensor(coordinates, [x.rank, found.length], 'int32');
}

export const shapeData = {
  Shape: shape,
  Size: (c) => c.tf.scalar(c.input(0).size, 'int32'),
  Constant: constant,
  ConstantOfShape: filled,
  Range: range,
  NonZero: nonZero,
} satisfies Record<string, Kernel>;
