/** How held-out rows fared in each space that was tried. */
import type { VoteScores } from '../reduce/vote-score.js';
import type { CandidateSpace } from './candidate-spaces.js';

/** One value a scored row [m]: the share of its turns. */
export interface SpaceScores extends CandidateSpace {
  /** Of turns in which so many voters gave its own label, by the places of `VOTERS`, as far as they were tried. */
  readonly right: readonly Float32Array[];
  /** Of turns in which its own label was among those shown. */
  readonly hit: Float32Array;
}

/** Adds up the turns of rows: a row of a small pool has several. */
export class ScoreTable {
  private readonly entries: {
    readonly space: CandidateSpace;
    readonly right: Float32Array[];
    readonly hit: Float32Array;
  }[];
  private readonly turns: Float32Array;

  /**
   * @param size.rows of the sample
   * @param size.voters numbers of them that are tried
   */
  constructor(spaces: readonly CandidateSpace[], { rows, voters }: { readonly rows: number; readonly voters: number }) {
    const zeros = (): Float32Array => new Float32Array(rows);
    this.turns = zeros();
    this.entries = spaces.map((space) => ({ space, right: Array.from({ length: voters }, zeros), hit: zeros() }));
  }

  /** Another turn of these rows of the sample. @param scores of each space */
  add(rows: readonly number[], scores: readonly VoteScores[]): void {
    for (const row of rows) this.turns[row]!++;
    scores.forEach(({ right, hit }, space) => {
      const entry = this.entries[space]!;
      rows.forEach((row, at) => {
        entry.hit[row]! += hit[at]!;
        right.forEach((own, voters) => (entry.right[voters]![row]! += own[at]!));
      });
    });
  }

  /** Rows that had a turn. */
  scored(): Int32Array {
    return Int32Array.from(this.turns.keys()).filter((row) => this.turns[row]! > 0);
  }

  /** Of the rows that had a turn. */
  shares(): SpaceScores[] {
    const rows = this.scored();
    const share = (sums: Float32Array): Float32Array => Float32Array.from(rows, (row) => sums[row]! / this.turns[row]!);
    return this.entries.map(({ space, right, hit }) => ({ ...space, right: right.map(share), hit: share(hit) }));
  }
}
