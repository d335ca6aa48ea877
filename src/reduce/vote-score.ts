/** Whether nearest neighbours vote for the right class: a score that reductions are chosen by. */

export interface VoteTask {
  /** Classes of the queries [q]. */
  readonly queryCodes: ArrayLike<number>;
  /** Classes of the rows that vote [p]. */
  readonly poolCodes: ArrayLike<number>;
  readonly neighbours: number;
}

/**
 * How many queries get their own class by majority of their nearest rows; a tie goes to the class of the nearest row.
 *
 * @param similarity of each query and row, larger is nearer; among equals the earlier row is nearer [q,p]
 */
export function countRight(similarity: Float32Array, { queryCodes, poolCodes, neighbours }: VoteTask): number {
  const pool = poolCodes.length;
  let right = 0;
  for (let q = 0; q < queryCodes.length; q++) {
    const nearest = largest(similarity.subarray(q * pool, (q + 1) * pool), neighbours);
    if (majority(nearest.map((row) => poolCodes[row]!)) === queryCodes[q]) right++;
  }
  return right;
}

/** Places of the `count` largest values, largest first. */
function largest(values: Float32Array, count: number): number[] {
  const places: number[] = [];
  let least = -Infinity;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (places.length === count && value <= least) continue;
    let to = places.length;
    while (to > 0 && values[places[to - 1]!]! < value) to--;
    places.splice(to, 0, at);
    if (places.length > count) places.pop();
    least = values[places.at(-1)!]!;
  }
  return places;
}

/** @param codes nearest first */
function majority(codes: readonly number[]): number {
  const votes = new Map<number, number>();
  for (const code of codes) votes.set(code, (votes.get(code) ?? 0) + 1);
  let winner = codes[0]!;
  for (const [code, count] of votes) if (count > votes.get(winner)!) winner = code;
  return winner;
}
