/** Normalisations, with their residual where onnxruntime's optimiser has fused it. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

interface Normalised {
  readonly y: TfTensor;
  readonly mean: TfTensor;
  /** 1/√(variance + ε), or of the mean square. */
  readonly inverse: TfTensor;
}

/** Over the axes from `first` on: (x − mean)/√(variance + ε), or x/√(mean square + ε) where `centre` is false. */
function normalise({ tf }: NodeCall, x: TfTensor, first: number, epsilon: number, centre: boolean): Normalised {
  const axes = x.shape.flatMap((_, i) => (i < first ? [] : [i]));
  const mean = tf.mean(x, axes, true);
  const centred = centre ? tf.sub(x, mean) : x;
  const inverse = tf.reciprocal(tf.sqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilon)));
  return { y: tf.mul(centred, inverse), mean, inverse };
}

const scaled = ({ tf }: NodeCall, y: TfTensor, gamma: TfTensor, beta: TfTensor | undefined): TfTensor =>
  beta === undefined ? tf.mul(y, gamma) : tf.add(tf.mul(y, gamma), beta);

function layerNorm(c: NodeCall): TfTensor[] {
  const x = c.input(0);
  const { y, mean, inverse } = normalise(c, x, c.axis(c.int('axis', -1), x.rank), c.float('epsilon', 1e-5), true);
  return [scaled(c, y, c.input(1), c.inputs[2]), mean, inverse];
}

function rmsNorm(c: NodeCall): TfTensor[] {
  const x = c.input(0);
  const { y, inverse } = normalise(c, x, c.axis(c.int('axis', -1), x.rank), c.float('epsilon', 1e-5), false);
  return [scaled(c, y, c.input(1), undefined), inverse];
}

/** s = input + skip + bias, then normalised over its last axis; s is the fourth output. */
function skipNorm(c: NodeCall, centre: boolean): TfTensor[] {
  const bias = c.inputs[centre ? 4 : 3];
  const added = c.tf.add(c.input(0), c.input(1));
  const sum = bias === undefined ? added : c.tf.add(added, bias);
  const { y, mean, inverse } = normalise(c, sum, sum.rank - 1, c.float('epsilon', 1e-12), centre);
  return [scaled(c, y, c.input(2), centre ? c.inputs[3] : undefined), mean, inverse, sum];
}

/** x/‖x‖ₚ along an axis. */
function lpNorm(c: NodeCall): TfTensor {
  const { tf } = c;
  const x = c.input(0);
  const axis = c.axis(c.int('axis', -1), x.rank);
  const p = c.int('p', 2);
  if (p !== 1 && p !== 2) c.unsupported(`p = ${p}`);
  const norm = p === 1 ? tf.sum(tf.abs(x), axis, true) : tf.sqrt(tf.sum(tf.square(x), axis, true));
  return tf.div(x, norm);
}

export const normalization = {
  LayerNormalization: layerNorm,
  RMSNormalization: rmsNorm,
  SimplifiedLayerNormalization: rmsNorm,
  LpNormalization: lpNorm,
} satisfies Record<string, Kernel>;

/** Of the domain com.microsoft. */
export const fusedNormalization = {
  SkipLayerNormalization: (c) => skipNorm(c, true),
  SkipSimplifiedLayerNormalization: (c) => skipNorm(c, false),
} satisfies Record<string, Kernel>;
