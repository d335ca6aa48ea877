/** How closely two ways to compute f(x) must agree. */

/**
 * Relative distances: another computation is near 1 away. Rounding is near 1e-6 in float32 and 1e-3 in half precision; a quantised
 * last block is replaced by an exact one.
 */
export const TOLERANCE = { float32: 1e-4, half: 1e-2, quantised: 0.25 } as const;

/** The same between one token and all of them, of one encoder behind one tail: but each is a graph that rounds in its own places. */
export const SLICE_TOLERANCE = { float32: 1e-4, half: 2e-3, quantised: 2e-3 } as const;

/** Of what the encoder computes in. */
export type Arithmetic = keyof typeof TOLERANCE;

/** ‖a − b‖/‖b‖. */
export function distance(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  a.forEach((value, i) => {
    difference += (value - b[i]!) ** 2;
    norm += b[i]! ** 2;
  });
  return Math.sqrt(difference / norm);
}
