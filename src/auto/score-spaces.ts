/** Tries every space on rows held out of it. */
import type { HeldOut, Labelled } from '../reduce/held-out.js';
import { SHRINKAGES } from '../reduce/shrinkage.js';
import { voteScores, type VoteScores, type VoteTask } from '../reduce/vote-score.js';
import { mix, type Fold, type Folds } from './folds.js';
import { ScoreTable, type SpaceScores } from './scores.js';
import { lossSets, PLAIN, SHARES, SHOWN, candidateSpaces, VOTERS } from './candidate-spaces.js';

export interface Scores {
  /** The plain embedding first. */
  readonly spaces: readonly SpaceScores[];
  /** For each scored row the fold in which it was first held out [m]. */
  readonly folds: Int32Array;
  /**
   * Examples among which a row's own label is looked for: half as many as a label has on the average, and no more than a prompt shows. Among more of
   * a small pool it is found wherever they are taken from.
   */
  readonly shown: number;
  /**
   * Voters that can be chosen, at most: as many as a label has on the average among those of a fold. Of more of a balanced pool all labels have as many
   * votes, and the tie, which goes to the nearest, would look like a vote.
   */
  readonly mostVoters: number;
  /** Sets of losses that there was no time for. */
  readonly skipped: readonly (readonly string[])[];
}

/** @param budgetMs no further set of losses is begun after so many milliseconds; the embedding's spaces are always tried */
export async function scoreSpaces(folds: Folds, budgetMs: number): Promise<Scores> {
  const until = performance.now() + budgetMs;
  const { codes } = folds;
  const shown = Math.max(1, Math.min(SHOWN, Math.round(codes.length / new Set(codes).size / 2)));
  const mostVoters = Math.min(...folds.all.map(({ out: { voters, classes } }) => Math.round(voters.length / classes)));
  const neighbours = VOTERS.filter((count) => count <= Math.max(1, mostVoters));
  const spaces: SpaceScores[] = [];
  const skipped: (readonly string[])[] = [];
  let scored: Int32Array = new Int32Array(0);
  for (const losses of lossSets(folds.losses)) {
    const isPlain = losses.length === 0;
    if (!isPlain && performance.now() >= until) {
      skipped.push(losses);
      continue;
    }
    const rows = await folds.rowsOf(losses);
    const tried = [...(isPlain ? [PLAIN] : []), ...candidateSpaces(losses)];
    const table = new ScoreTable(tried, { rows: codes.length, voters: neighbours.length });
    for (const fold of folds.all) {
      const out = await folds.heldOut(rows, fold);
      const own = await scoreFold(folds, rows, { ...fold, out }, { shown, neighbours });
      table.add(out.queries, [...(isPlain ? [judged(fold.plain, out, { shown, neighbours })] : []), ...own]);
    }
    spaces.push(...table.shares());
    if (isPlain) scored = table.scored();
  }
  const first = folds.firstOf();
  return { spaces, shown, mostVoters, skipped, folds: scored.map((row) => first.get(row)!) };
}

type Judging = Required<Pick<VoteTask, 'neighbours' | 'shown'>>;

/** Of the spaces of one set of losses, in the order of `candidateSpaces`. */
async function scoreFold(folds: Folds, rows: Labelled, { out, plain }: Fold, judging: Judging): Promise<VoteScores[]> {
  const scores: VoteScores[] = [];
  const mixed = new Float32Array(plain.length);
  for (const shrinkage of SHRINKAGES) {
    const supervised = await folds.supervised(rows, out, shrinkage);
    for (const share of SHARES) scores.push(judged(mix(supervised, plain, share, mixed), out, judging));
  }
  return scores;
}

const judged = (similarity: Float32Array, { queryCodes, voterCodes }: HeldOut, judging: Judging): VoteScores =>
  voteScores(similarity, { queryCodes, poolCodes: voterCodes, ...judging });
