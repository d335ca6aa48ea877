/** erf. TensorFlow.js' own in JavaScript is good to 1.5e-7 absolutely, which near 0 leaves few digits: a series serves there. */
import type { Tensorflow, TfTensor } from '../tensorflow.js';

/** Below this the series' ten terms are exact in float32. */
const NEAR = 0.5;
/** (−1)ⁿ/(n!·(2n + 1)), the highest power first. */
const COEFFICIENTS = Array.from({ length: 10 }, (_, n) => ((-1) ** n / (2 * n + 1)) * (1 / factorial(n))).reverse();

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

export function errorFunction(tf: Tensorflow, x: TfTensor): TfTensor {
  // A branch not taken must stay finite, else its derivative is NaN: 0 · ∞.
  const isFar = tf.greaterEqual(tf.abs(x), NEAR);
  const near = tf.where(isFar, tf.zerosLike(x), x);
  const square = tf.square(near);
  const series = COEFFICIENTS.reduce<TfTensor>((sum, a) => tf.add(tf.mul(sum, square), a), tf.zerosLike(x));
  return tf.where(isFar, tf.erf(x), tf.mul(tf.mul(near, series), 2 / Math.sqrt(Math.PI)));
}
