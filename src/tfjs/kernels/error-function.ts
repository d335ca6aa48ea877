/**
 * erf and the normal distribution. TensorFlow.js' own erf in JavaScript is good to 1.5e-7 absolutely, which leaves few digits near 0 and
 * none in the tail, where GELU lives on them.
 */
import type { Tensorflow, TfTensor } from '../tensorflow.js';

/** Below this the series' ten terms are exact in float32. */
const NEAR = 0.5;
/** (−1)ⁿ/(n!·(2n + 1)), the highest power first. */
const SERIES = Array.from({ length: 10 }, (_, n) => (-1) ** n / ((2 * n + 1) * factorial(n))).reverse();

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** Of log(erfc(z)/t) + z² in t = 1/(1 + z/2), the highest power first: Numerical Recipes' Chebyshev fit, good to 1.2e-7 relatively. */
const TAIL = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223,
];

const polynomial = (tf: Tensorflow, x: TfTensor, coefficients: readonly number[]): TfTensor =>
  coefficients.reduce<TfTensor>((sum, a) => tf.add(tf.mul(sum, x), a), tf.zerosLike(x));

/** 1 − erf(z), for z ≥ 0. */
function complement(tf: Tensorflow, z: TfTensor): TfTensor {
  const t = tf.reciprocal(tf.add(tf.mul(z, 0.5), 1));
  return tf.mul(t, tf.exp(tf.sub(polynomial(tf, t, TAIL), tf.square(z))));
}

export function errorFunction(tf: Tensorflow, x: TfTensor): TfTensor {
  const isFar = tf.greaterEqual(tf.abs(x), NEAR);
  // A branch not taken must stay finite, else its derivative is NaN: 0 · ∞.
  const near = tf.where(isFar, tf.zerosLike(x), x);
  const series = tf.mul(near, polynomial(tf, tf.square(near), SERIES));
  const far = tf.mul(tf.sign(x), tf.sub(1, complement(tf, tf.abs(x))));
  return tf.where(isFar, far, tf.mul(series, 2 / Math.sqrt(Math.PI)));
}

/** Φ(x) = ½·(1 + erf(x/√2)), to the last digits also where it is small. */
export function normalDistribution(tf: Tensorflow, x: TfTensor): TfTensor {
  const tail = tf.mul(complement(tf, tf.mul(tf.abs(x), Math.SQRT1_2)), 0.5);
  return tf.where(tf.greaterEqual(x, 0), tf.sub(1, tail), tail);
}
