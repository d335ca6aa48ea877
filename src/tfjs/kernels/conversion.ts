/** Element types, and tensors passed on as they are. */
import { elementType } from '../../onnx/tensor.js';
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

type Type = 'float32' | 'int32' | 'bool';

function typeOf(code: number): Type {
  const type = elementType(code);
  return type === 'bool' ? 'bool' : type.includes('float') ? 'float32' : 'int32';
}

/** float64 and float16 are float32 here: a cast between these changes nothing. */
function cast(c: NodeCall, type: Type): TfTensor {
  return c.input(0).dtype === type ? c.input(0) : c.tf.cast(c.input(0), type);
}

/** As encoders are exported: dropping nothing. */
function dropout(c: NodeCall): readonly TfTensor[] {
  const x = c.input(0);
  if (c.integers(2)?.[0] === 1) c.unsupported('drops at random: it was exported in training mode');
  return [x, c.tf.ones(x.shape, 'bool')];
}

export const conversion = {
  Cast: (c) => cast(c, typeOf(c.int('to', 1))),
  CastLike: (c) => cast(c, c.input(1).dtype as Type),
  Identity: (c) => c.input(0),
  Dropout: dropout,
} satisfies Record<string, Kernel>;
