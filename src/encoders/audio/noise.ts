/** A noisy view's noise: uniform in 0 … level on every value, as fungi-ssast/src/fungi/utils/transforms.py of the released code adds it. */
import type { NoisyClip } from '../../core/content.js';
import { Rng } from '../../core/rng.js';

/** @param scale the noise is divided by it */
export function withNoise(values: Float32Array, { stream, level }: NoisyClip, scale = 1): Float32Array {
  const [seed, ...name] = stream;
  const rng = Rng.stream(seed!, ...name, 'values');
  return values.map((value) => value + (rng.float() * level) / scale);
}

/**
 * Rolls along an axis as torch.roll does: what leaves at one end comes in at the other.
 *
 * @param values [outer, time, inner]; of each outer row the first `time` · `inner` values roll
 * @param rowLength values of an outer row
 */
export function roll(
  values: Float32Array,
  by: number,
  time: number,
  inner = 1,
  rowLength = time * inner,
): Float32Array {
  const shift = (((by % time) + time) % time) * inner;
  if (shift === 0) return values;
  const out = values.slice();
  for (let from = 0; from < values.length; from += rowLength) {
    const end = from + time * inner;
    out.set(values.subarray(from, end - shift), from + shift);
    out.set(values.subarray(end - shift, end), from);
  }
  return out;
}
