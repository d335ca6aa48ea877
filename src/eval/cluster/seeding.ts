import type { Rng } from '../../core/rng.js';

/**
 * The centres k-means begins with (k-means++, Arthur & Vassilvitskii 2007): rows, each drawn with a probability that grows with the
 * square of its distance to the nearest centre drawn before. In plain float64, so that a seed draws the same rows on every machine.
 *
 * @param rows [n,P]
 * @param clusters K
 * @returns [K,P]
 */
export function seedCentres(rows: Float64Array, dims: number, clusters: number, rng: Rng): Float64Array {
  const count = rows.length / dims;
  const centres = new Float64Array(clusters * dims);
  const squares = new Float64Array(count).fill(Infinity);
  for (let c = 0; c < clusters; c++) {
    const drawn = c === 0 ? rng.int(count) : drawBy(squares, rng);
    const centre = rows.subarray(drawn * dims, (drawn + 1) * dims);
    centres.set(centre, c * dims);
    for (let i = 0; i < count; i++) {
      let square = 0;
      for (let j = 0; j < dims; j++) square += (rows[i * dims + j]! - centre[j]!) ** 2;
      if (square < squares[i]!) squares[i] = square;
    }
  }
  return centres;
}

/** A place, drawn by weight; any, where all weights are 0: every row is a centre already. */
function drawBy(weights: Float64Array, rng: Rng): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return rng.int(weights.length);
  let left = rng.float() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) break;
  }
  return last;
}
