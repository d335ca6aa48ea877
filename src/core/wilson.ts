/** How sure a share is that was counted. */
import { FungiError } from './errors.js';

/** The ends of a 95 % interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The standard normal's quantile at 0.975. */
const Z = 1.959963984540054;

/**
 * Wilson's score interval of a share (Wilson 1927): no seed, no resampling, and sensible at 0 and 1, where the bootstrap
 * collapses to a point.
 *
 * @throws {FungiError} INVALID_ARGUMENT unless 0 ≤ successes ≤ n, n ≥ 1, both whole
 */
export function wilson(successes: number, n: number): Interval {
  if (!Number.isSafeInteger(successes) || !Number.isSafeInteger(n) || n < 1 || successes < 0 || successes > n) {
    throw new FungiError('INVALID_ARGUMENT', `not a count out of a total: ${successes} of ${n}`);
  }
  const share = successes / n;
  const centre = share + Z ** 2 / (2 * n);
  const spread = Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  const scale = 1 + Z ** 2 / n;
  return {
    low: successes === 0 ? 0 : (centre - spread) / scale,
    high: successes === n ? 1 : (centre + spread) / scale,
  };
}
