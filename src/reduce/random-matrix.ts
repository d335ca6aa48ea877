/** Entries of random projection matrices: independent, of mean 0 and variance 1, so that inner products are kept in expectation. */
import { Rng } from '../core/rng.js';

/**
 * `binary`: ±1 with equal probability (Achlioptas 2003), the paper's and the only one in its released code. `gaussian`: N(0, 1).
 * `sparse`: ±√s with probability 1/(2s) each, else 0, with s = √d for projections of d dimensions (Li, Hastie & Church 2006), as
 * scikit-learn's SparseRandomProjection has it by default: density 1/√d, values ±1/√density.
 */
export const ENTRIES = ['binary', 'gaussian', 'sparse'] as const;
export type Entries = (typeof ENTRIES)[number];

/**
 * `count` entries of the stream `name` under `seed`, float32. A part of a matrix has a name of its own, so that in which order and
 * how many at once parts are drawn changes nothing. Binary entries are those of {@link Rng.signs} of that very stream.
 *
 * @param dims d, the dimensions that are projected from: `sparse` alone depends on it
 */
export function randomEntries(
  entries: Entries,
  seed: number,
  name: readonly (string | number)[],
  count: number,
  dims: number,
): Float32Array {
  if (entries === 'binary') return Rng.stream(seed, ...name).signs(count);
  const rng = Rng.stream(seed, ...name, entries);
  return entries === 'gaussian' ? gaussian(rng, count) : sparse(rng, count, 1 / Math.sqrt(dims));
}

/** Box & Muller (1958): two normal numbers of two uniform ones. */
function gaussian(rng: Rng, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - rng.float())); // 1 − u is never 0
    const angle = 2 * Math.PI * rng.float();
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** Whether an entry is there is drawn through the gaps between those that are, which are geometric: few draws for many zeros. */
function sparse(rng: Rng, count: number, density: number): Float32Array {
  const out = new Float32Array(count);
  if (density >= 1) return rng.signs(count);
  const value = 1 / Math.sqrt(density);
  const scale = 1 / Math.log1p(-density);
  const gap = (): number => Math.floor(Math.log(1 - rng.float()) * scale);
  for (let at = gap(); at < count; at += 1 + gap()) out[at] = rng.uint32() >>> 31 === 0 ? value : -value;
  return out;
}
