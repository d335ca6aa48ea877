/** Tries every space on rows held out of it. */
import { scaleRows } from '../reduce/centred-product.js';
import { compact, discriminated, ENOUGH, foldsOf, holdOut, type HeldOut, type Labelled } from '../reduce/held-out.js';
import { rowsAt, type Sample } from '../reduce/labelled-statistics.js';
import type { ClassSums } from '../reduce/scatter.js';
import { SHRINKAGES } from '../reduce/shrinkage.js';
import { voteScores, type VoteScores, type VoteTask } from '../reduce/vote-score.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { blocksOf, columnsOf, sampleOf, sumsOf, type FeatureBlock } from './columns.js';
import { ScoreTable, type SpaceScores } from './scores.js';
import { lossSets, PLAIN, SHARES, SHOWN, candidateSpaces, VOTERS } from './candidate-spaces.js';

export interface ScoreOptions extends LinalgOptions {
  /** Of the rows: one is the embedding. */
  readonly blocks: readonly FeatureBlock[];
  /** The most directions of the supervised part. */
  readonly dims: number;
  readonly seed: number;
  /** The sample's embeddings as an index stores them [m,·]. */
  readonly plain: Float32Array;
  /** No further set of losses is begun after so many milliseconds; the embedding's spaces are always tried. */
  readonly budgetMs: number;
}

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

/** A fold with what is the same for all spaces. */
interface Fold {
  readonly held: readonly number[];
  readonly out: HeldOut;
  /** Cosines of the embeddings as they are stored [q,p]. */
  readonly plain: Float32Array;
}

/**
 * All spaces meet the same folds, so that they can be compared row by row.
 *
 * @param sums of all labelled rows [·,F]
 * @param sample some of those rows, or all
 */
export async function scoreSpaces(sums: ClassSums, sample: Sample, options: ScoreOptions): Promise<Scores> {
  const { blocks, seed, budgetMs, dims, plain, ...linalg } = options;
  const until = performance.now() + budgetMs;
  const width = sums.shift.length;
  const restricted = (losses: readonly string[]): Promise<Labelled> => {
    const columns = columnsOf(blocksOf(blocks, losses));
    return compact(sumsOf(sums, columns), sampleOf(sample, width, columns), linalg);
  };
  const shown = Math.max(1, Math.min(SHOWN, Math.round(sample.codes.length / new Set(sample.codes).size / 2)));
  const embedding = await restricted([]);
  const folds = await embeddingFolds(embedding, plain, seed, linalg);
  const mostVoters = Math.min(...folds.map(({ out: { voters, classes } }) => Math.round(voters.length / classes)));
  const neighbours = VOTERS.filter((count) => count <= Math.max(1, mostVoters));
  const spaces: SpaceScores[] = [];
  const skipped: (readonly string[])[] = [];
  let scored: Int32Array = new Int32Array(0);
  for (const losses of lossSets(blocks.map(({ name }) => name).filter((name) => name !== 'embedding'))) {
    const isPlain = losses.length === 0;
    if (!isPlain && performance.now() >= until) {
      skipped.push(losses);
      continue;
    }
    const labelled = isPlain ? embedding : await restricted(losses);
    const tried = [...(isPlain ? [PLAIN] : []), ...candidateSpaces(losses)];
    const table = new ScoreTable(tried, { rows: sample.codes.length, voters: neighbours.length });
    for (const fold of folds) {
      const out = isPlain ? fold.out : (await holdOut(labelled, fold.held, linalg))!;
      const own = await scoreFold(labelled, { ...fold, out }, { dims, shown, neighbours, ...linalg });
      table.add(out.queries, [...(isPlain ? [judged(fold.plain, out, { shown, neighbours })] : []), ...own]);
    }
    spaces.push(...table.shares());
    if (isPlain) scored = table.scored();
  }
  const first = new Map<number, number>();
  folds.forEach(({ out }, number) => {
    for (const row of out.queries) if (!first.has(row)) first.set(row, number);
  });
  return { spaces, shown, mostVoters, skipped, folds: scored.map((row) => first.get(row)!) };
}

async function embeddingFolds(
  embedding: Labelled,
  plain: Float32Array,
  seed: number,
  linalg: LinalgOptions,
): Promise<Fold[]> {
  const { sample } = embedding;
  const width = plain.length / sample.codes.length;
  const folds: Fold[] = [];
  let scored = 0;
  for (const held of foldsOf(sample, seed)) {
    if (scored >= ENOUGH) break;
    const out = await holdOut(embedding, held, linalg);
    if (out === undefined) continue;
    scored += out.queries.length;
    const [a, b] = [out.queries, out.voters].map((rows) => scaleRows(rowsAt(plain, width, rows), width)) as [
      Float32Array,
      Float32Array,
    ];
    folds.push({ held, out, plain: await similarities(a, b, out, linalg) });
  }
  return folds;
}

type Judging = Required<Pick<VoteTask, 'neighbours' | 'shown'>>;

/** Of the spaces of one set of losses, in the order of `candidateSpaces`. */
async function scoreFold(
  labelled: Labelled,
  { out, plain }: Fold,
  { dims, shown, neighbours, ...linalg }: LinalgOptions & Judging & { readonly dims: number },
): Promise<VoteScores[]> {
  const scores: VoteScores[] = [];
  const mixed = new Float32Array(plain.length);
  for (const shrinkage of SHRINKAGES) {
    const { queries, voters, dims: P } = await discriminated(labelled, out, { shrinkage, dims, ...linalg });
    const supervised = await similarities(scaleRows(queries, P), scaleRows(voters, P), out, linalg);
    for (const share of SHARES) {
      for (let at = 0; at < mixed.length; at++) mixed[at] = share * supervised[at]! + (1 - share) * plain[at]!;
      scores.push(judged(mixed, out, { shown, neighbours }));
    }
  }
  return scores;
}

const judged = (similarity: Float32Array, { queryCodes, voterCodes }: HeldOut, judging: Judging): VoteScores =>
  voteScores(similarity, { queryCodes, poolCodes: voterCodes, ...judging });

/** Inner products [q,p] of rows [q,P] and [p,P]; zeros where P is 0: all rows are one, or the means of all labels are. */
const similarities = async (
  a: Float32Array,
  b: Float32Array,
  { queries: { length: q }, voters: { length: p } }: HeldOut,
  linalg: LinalgOptions,
): Promise<Float32Array> =>
  a.length === 0 ? new Float32Array(q * p) : matmul(a, b, { m: q, k: a.length / q, n: p, transB: true }, linalg);
