/** Activations: what they are, not what their derivative is. */
import { expandAll } from '../broadcast.js';
import type { Kernel, NodeCall } from '../node-call.js';
import type { Tensorflow, TfTensor } from '../tensorflow.js';
import { errorFunction, normalDistribution } from './error-function.js';

type Activation = (tf: Tensorflow, x: TfTensor) => TfTensor;

const exactGelu: Activation = (tf, x) => tf.mul(x, normalDistribution(tf, x));

const tanhGelu: Activation = (tf, x) => {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
};

/** Fused forms may add a bias before. */
const biased =
  (activation: Activation): Kernel =>
  (c) =>
    activation(c.tf, c.inputs[1] === undefined ? c.input(0) : c.tf.add(c.input(0), c.inputs[1]));

/** With derivative 0 at the ends: of two equal operands TensorFlow.js gives the first the derivative. */
const clamp: (c: NodeCall, x: TfTensor, low: number, high: number) => TfTensor = ({ tf }, x, low, high) =>
  tf.minimum(high, tf.maximum(low, x));

/** Where x ≤ 0 the lower branch counts, as in PyTorch. */
const negativePart: Activation = (tf, x) => tf.minimum(x, 0);

/** x·σ(α·x). */
const swish =
  (fallback: number): Kernel =>
  (c) =>
    c.tf.mul(c.input(0), c.tf.sigmoid(c.tf.mul(c.input(0), c.float('alpha', fallback))));

export const activation = {
  Relu: (c) => c.tf.relu(c.input(0)),
  Sigmoid: (c) => c.tf.sigmoid(c.input(0)),
  Erf: (c) => errorFunction(c.tf, c.input(0)),
  Softplus: (c) => c.tf.softplus(c.input(0)),
  Softsign: (c) => c.tf.div(c.input(0), c.tf.add(c.tf.abs(c.input(0)), 1)),
  LeakyRelu: (c) => c.tf.leakyRelu(c.input(0), c.float('alpha', 0.01)),
  PRelu: (c) => {
    const [x, slope] = expandAll(c.tf, [c.input(0), c.input(1)]);
    return c.tf.where(c.tf.greaterEqual(x!, 0), x!, c.tf.mul(slope!, x!));
  },
  Elu: (c) => {
    const x = c.input(0);
    const below = c.tf.mul(c.tf.expm1(negativePart(c.tf, x)), c.float('alpha', 1));
    return c.tf.where(c.tf.greaterEqual(0, x), below, x);
  },
  Selu: (c) => {
    const x = c.input(0);
    const below = c.tf.mul(c.tf.expm1(negativePart(c.tf, x)), c.float('alpha', 1.6732632423543772));
    return c.tf.mul(c.tf.where(c.tf.greaterEqual(0, x), below, x), c.float('gamma', 1.0507009873554805));
  },
  Celu: (c) => {
    const [x, alpha] = [c.input(0), c.float('alpha', 1)];
    const below = c.tf.mul(c.tf.expm1(c.tf.div(negativePart(c.tf, x), alpha)), alpha);
    return c.tf.where(c.tf.greaterEqual(0, x), below, x);
  },
  ThresholdedRelu: (c) => {
    const x = c.input(0);
    const isBelow = c.tf.greaterEqual(c.float('alpha', 1), x);
    return c.tf.where(isBelow, c.tf.zerosLike(x), x);
  },
  HardSigmoid: (c) => clamp(c, c.tf.add(c.tf.mul(c.input(0), c.float('alpha', 0.2)), c.float('beta', 0.5)), 0, 1),
  HardSwish: (c) => c.tf.mul(c.input(0), clamp(c, c.tf.add(c.tf.div(c.input(0), 6), 0.5), 0, 1)),
  Mish: (c) => c.tf.mul(c.input(0), c.tf.tanh(c.tf.softplus(c.input(0)))),
  Swish: swish(1),
  Gelu: (c) => (c.string('approximate', 'none') === 'tanh' ? tanhGelu : exactGelu)(c.tf, c.input(0)),
} satisfies Record<string, Kernel>;

/** Of the domain com.microsoft. */
export const fusedActivation = {
  Gelu: biased(exactGelu),
  BiasGelu: biased(exactGelu),
  FastGelu: biased(tanhGelu),
  QuickGelu: swish(1.702),
} satisfies Record<string, Kernel>;
