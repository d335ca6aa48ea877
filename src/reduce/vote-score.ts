/** What nearest neighbours make of rows that were held out: a score that reductions are chosen by. */
import { largest } from './largest.js';

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
  const [pool, most] = [poolCodes.length, Math.min(poolCodes.length, Math.max(shown, ...neighbours))];
  const right = neighbours.map(() => new Uint8Array(queryCodes.length));
  const hit = new Uint8Array(queryCodes.length);
  const nearest = new Int32Array(most);
  const codes = new Int32Array(most);
  const winners = new Int32Array(most);
  const votes = new Map<number, number>();
  for (let q = 0; q < queryCodes.length; q++) {
    const own = queryCodes[q]!;
    largest(similarity.subarray(q * pool, (q + 1) * pool), nearest);
    for (let at = 0; at < most; at++) codes[at] = poolCodes[nearest[at]!]!;
    const first = codes.indexOf(own);
    if (first < 0) continue;
    hit[q] = Number(first < shown);
    majorities(codes, votes, winners);
    neighbours.forEach((count, at) => (right[at]![q] = Number(winners[Math.min(count, most) - 1] === own)));
  }
  return { right, hit };
}

/**
 * The class that most of the nearest rows have, for each number of them; of equals the one whose first row is nearer.
 *
 * @param codes nearest first [k]
 * @param votes overwritten
 * @param winners of the nearest 1, 2, … k rows: what is found [k]
 */
function majorities(codes: Int32Array, votes: Map<number, number>, winners: Int32Array): void {
  votes.clear();
  let [winner, most] = [codes[0]!, 0];
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at]!;
    const count = (votes.get(code) ?? 0) + 1;
    votes.set(code, count);
    if (count > most || (count === most && codes.indexOf(code) < codes.indexOf(winner))) [winner, most] = [code, count];
    winners[at] = winner;
  }
}
