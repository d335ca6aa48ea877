/** What nearest neighbours make of rows that were held out: a score that reductions are chosen by. */

export interface VoteTask {
  /** Classes of the queries [q]. */
  readonly queryCodes: ArrayLike<number>;
  /** Classes of the rows that vote [p]. */
  readonly poolCodes: ArrayLike<number>;
  /** How many vote: each number is tried. */
  readonly neighbours: readonly number[];
  /** Rows among which the own class is looked for. @default the most neighbours */
  readonly shown?: number;
}

export interface VoteScores {
  /** For each number of neighbours which queries get their own class by majority, a tie going to the class of the nearest row: 1 or 0 [·,q]. */
  readonly right: readonly Uint8Array[];
  /** Queries with a row of their class among those shown: 1 or 0 [q]. */
  readonly hit: Uint8Array;
}

/** @param similarity of each query and row, larger is nearer; among equals the earlier row is nearer [q,p] */
export function voteScores(
  similarity: Float32Array,
  { queryCodes, poolCodes, neighbours, shown = Math.max(...neighbours) }: VoteTask,
): VoteScores {
  const [pool, most] = [poolCodes.length, Math.max(shown, ...neighbours)];
  const right = neighbours.map(() => new Uint8Array(queryCodes.length));
  const hit = new Uint8Array(queryCodes.length);
  for (let q = 0; q < queryCodes.length; q++) {
    const own = queryCodes[q]!;
    const codes = largest(similarity.subarray(q * pool, (q + 1) * pool), most).map((row) => poolCodes[row]!);
    if (!codes.includes(own)) continue;
    hit[q] = Number(codes.indexOf(own) < shown);
    neighbours.forEach((count, at) => (right[at]![q] = Number(majority(codes.slice(0, count)) === own)));
  }
  return { right, hit };
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
