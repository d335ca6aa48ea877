import type { Rng } from '../../core/rng.js';

/** What the squared distances to the nearest centre become with one more centre. */
interface Candidate {
  readonly row: number;
  /** [n] */
  readonly squares: Float64Array;
  readonly total: number;
}

/**
 * The centres k-means begins with: greedy k-means++ (Arthur & Vassilvitskii 2007), as scikit-learn has it. Centres are rows. For each,
 * a few are drawn with a probability that grows with the square of the distance to the nearest centre so far, and the one that leaves
 * the least sum of squares is taken. In plain float64, so that a seed gives the same centres on every machine.
 *
 * @param rows [n,P]
 * @param clusters K
 * @returns [K,P]
 */
export function seedCentres(rows: Float64Array, dims: number, clusters: number, rng: Rng): Float64Array {
  const count = rows.length / dims;
  const draws = 2 + Math.floor(Math.log(clusters));
  const centres = new Float64Array(clusters * dims);
  let squares: Float64Array = new Float64Array(count).fill(Infinity);
  for (let c = 0; c < clusters; c++) {
    const drawn = c === 0 ? [rng.int(count)] : Array.from({ length: draws }, () => drawBy(squares, rng));
    const best = drawn
      .map((row) => withCentre(rows, dims, row, squares))
      .reduce((one, other) => (other.total < one.total ? other : one));
    centres.set(rows.subarray(best.row * dims, (best.row + 1) * dims), c * dims);
    squares = best.squares;
  }
  return centres;
}

function withCentre(rows: Float64Array, dims: number, row: number, squares: Float64Array): Candidate {
  const centre = rows.subarray(row * dims, (row + 1) * dims);
  let total = 0;
  const next = squares.map((least, i) => {
    let square = 0;
    for (let j = 0, at = i * dims; j < dims; j++) {
      const difference = rows[at + j]! - centre[j]!;
      square += difference * difference;
    }
    const now = Math.min(least, square);
    total += now;
    return now;
  });
  return { row, squares: next, total };
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
