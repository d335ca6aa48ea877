/** Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009): several orders made one by ranks alone, whatever their scores mean. */

export interface Ranking {
  /** Candidates that it ranks, best first. */
  readonly order: readonly number[];
  readonly weight: number;
}

/**
 * Σ weight/(constant + rank) over the rankings, in parts of the most there can be. What a ranking does not hold gets nothing from it.
 *
 * @param count candidates
 * @returns [count] from 0 to 1
 */
export function fuse(count: number, rankings: readonly Ranking[], constant: number): Float64Array {
  const scores = new Float64Array(count);
  const most = rankings.reduce((sum, { weight }) => sum + weight, 0) / (constant + 1);
  for (const { order, weight } of rankings) {
    order.forEach((candidate, at) => {
      scores[candidate]! += weight / (constant + at + 1) / most;
    });
  }
  return scores;
}
