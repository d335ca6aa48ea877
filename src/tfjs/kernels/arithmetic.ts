/** Arithmetic and powers, each element alone, with NumPy broadcasting. */
import { expandAll } from '../broadcast.js';
import type { Kernel, NodeCall } from '../node-call.js';
import type { Tensorflow, TfTensor } from '../tensorflow.js';

/** Any number of operands, combined from the left. */
const fold =
  (combine: (tf: Tensorflow, a: TfTensor, b: TfTensor) => TfTensor): Kernel =>
  (c) =>
    c.node.input.map((_, i) => c.input(i)).reduce((a, b) => combine(c.tf, a, b));

/** `maximum` and `minimum` do not sum their derivative back over axes along which an operand was repeated. */
const pairwise =
  (op: 'maximum' | 'minimum'): Parameters<typeof fold>[0] =>
  (tf, a, b) => {
    const [x, y] = expandAll(tf, [a, b]);
    return tf[op](x!, y!);
  };

/** Equal operands share the derivative: TensorFlow.js gives it to the first, so each comes first once. */
const shared =
  (op: 'maximum' | 'minimum'): Parameters<typeof fold>[0] =>
  (tf, a, b) => {
    const first = pairwise(op)(tf, a, b);
    return first.dtype === 'float32' ? tf.add(tf.mul(first, 0.5), tf.mul(pairwise(op)(tf, b, a), 0.5)) : first;
  };

/** |x|, with derivative 0 at 0: TensorFlow.js' own has −1 there. */
export const absolute = (tf: Tensorflow, x: TfTensor): TfTensor =>
  x.dtype === 'float32' ? tf.mul(x, tf.sign(x)) : tf.abs(x);

/** Integers are divided towards zero. */
function divide({ tf }: NodeCall, a: TfTensor, b: TfTensor): TfTensor {
  if (a.dtype !== 'int32') return tf.div(a, b);
  const sign = tf.mul(tf.sign(a), tf.sign(b));
  return tf.mul(tf.floorDiv(tf.abs(a), tf.abs(b)), sign);
}

/** `fmod`: with the sign of the dividend, as in C; else, with that of the divisor. */
function modulo(c: NodeCall): TfTensor {
  const { tf } = c;
  const [a, b] = [c.input(0), c.input(1)];
  if (a.dtype === 'int32') {
    return c.int('fmod', 0) === 0 ? tf.mod(a, b) : tf.sub(a, tf.mul(divide(c, a, b), b));
  }
  const quotient = tf.div(a, b);
  const whole = tf.mul(tf.sign(quotient), tf.floor(tf.abs(quotient)));
  return tf.sub(a, tf.mul(c.int('fmod', 0) === 0 ? tf.floor(quotient) : whole, b));
}

function power(c: NodeCall): TfTensor {
  const y = c.tf.pow(c.input(0), c.input(1));
  return y.dtype === c.input(0).dtype ? y : c.tf.cast(y, c.input(0).dtype);
}

/** Bounds are attributes before operator set 11, then inputs that may be left out. */
function clip(c: NodeCall): TfTensor {
  const { tf } = c;
  const bound = (index: number, name: string): TfTensor | undefined =>
    c.inputs[index] ?? (c.has(name) ? tf.scalar(c.float(name, 0)) : undefined);
  const [low, high] = [bound(1, 'min'), bound(2, 'max')];
  const raised = low === undefined ? c.input(0) : pairwise('maximum')(tf, c.input(0), low);
  return high === undefined ? raised : pairwise('minimum')(tf, raised, high);
}

export const arithmetic = {
  Add: (c) => c.tf.add(c.input(0), c.input(1)),
  Sub: (c) => c.tf.sub(c.input(0), c.input(1)),
  Mul: (c) => c.tf.mul(c.input(0), c.input(1)),
  Div: (c) => divide(c, c.input(0), c.input(1)),
  Mod: modulo,
  Pow: power,
  Sum: fold((tf, a, b) => tf.add(a, b)),
  Mean: (c) => c.tf.div(fold((tf, a, b) => tf.add(a, b))(c) as TfTensor, c.node.input.length),
  Max: fold(shared('maximum')),
  Min: fold(shared('minimum')),
  Clip: clip,
  Where: (c) => {
    const [condition, a, b] = expandAll(c.tf, [c.input(0), c.input(1), c.input(2)]);
    return c.tf.where(condition!, a!, b!);
  },
  Neg: (c) => c.tf.neg(c.input(0)),
  Abs: (c) => absolute(c.tf, c.input(0)),
  Sign: (c) => c.tf.sign(c.input(0)),
  Floor: (c) => c.tf.floor(c.input(0)),
  Ceil: (c) => c.tf.ceil(c.input(0)),
  Round: (c) => c.tf.round(c.input(0)),
  Sqrt: (c) => c.tf.sqrt(c.input(0)),
  Reciprocal: (c) => c.tf.reciprocal(c.input(0)),
  Exp: (c) => c.tf.exp(c.input(0)),
  Log: (c) => c.tf.log(c.input(0)),
} satisfies Record<string, Kernel>;
