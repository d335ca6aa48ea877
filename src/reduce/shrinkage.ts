/** How far a scatter is to be shrunk: what does best on rows that were held out of the fit. */
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { scaleRows } from './centred-product.js';
import { compact, discriminated, ENOUGH, foldsOf, holdOut, type HeldOut, type Labelled } from './held-out.js';
import { rowsAt, type Sample } from './labelled-statistics.js';
import type { ClassSums } from './scatter.js';
import { voteScores } from './vote-score.js';

/** The smaller the pool, the larger the one that does best. */
export const SHRINKAGES = [0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95] as const;

/** Neighbours that vote, fewer where classes are smaller. */
const NEIGHBOURS = 20;

export interface ShrinkageChoice {
  readonly shrinkage: number;
  /** Share of the held-out rows whose label their neighbours vote for, of each one tried; none where no row could be scored. */
  readonly scores: readonly { readonly shrinkage: number; readonly accuracy: number }[];
}

export interface ShrinkageOptions extends LinalgOptions {
  /** P */
  readonly dims: number;
  readonly seed: number;
  /** A part of the vectors that no shrinkage changes: unit rows of the sample [m,·], at a share of the squared length. */
  readonly beside?: { readonly rows: Float32Array; readonly share: number };
}

/**
 * Stratified folds of the sample are taken out of the sums, one after the other, and each row of a fold votes among the sample's other
 * rows: nearest by cosine in the space that the other rows made. Of equals the larger shrinkage is taken, and the largest of all where no
 * class has two rows. Equal rows in equal order, equal seed: equal choice.
 *
 * @param sums of all labelled rows
 * @param sample some of those rows, or all
 */
export async function chooseShrinkage(
  sums: ClassSums,
  sample: Sample,
  { seed, ...options }: ShrinkageOptions,
): Promise<ShrinkageChoice> {
  const labelled = await compact(sums, sample, options);
  const right = new Float64Array(SHRINKAGES.length);
  let scored = 0;
  for (const held of foldsOf(sample, seed)) {
    if (scored >= ENOUGH) break;
    const fold = await holdOut(labelled, held, options);
    if (fold === undefined) continue;
    scored += fold.queries.length;
    const own = await scoreFold(labelled, fold, options);
    own.forEach((count, at) => (right[at] = right[at]! + count));
  }
  if (scored === 0) return { shrinkage: SHRINKAGES.at(-1)!, scores: [] };
  const best = right.lastIndexOf(Math.max(...right));
  return {
    shrinkage: SHRINKAGES[best]!,
    scores: SHRINKAGES.map((shrinkage, at) => ({ shrinkage, accuracy: right[at]! / scored })),
  };
}

/** For each shrinkage how many of the queries got their own label. */
async function scoreFold(
  labelled: Labelled,
  fold: HeldOut,
  { dims, beside, ...linalg }: Omit<ShrinkageOptions, 'seed'>,
): Promise<readonly number[]> {
  const { queryCodes, voterCodes, classes } = fold;
  const [q, p] = [queryCodes.length, voterCodes.length];
  const neighbours = [Math.max(1, Math.min(NEIGHBOURS, Math.round(p / classes)))];
  const fixed = beside && (await besideSimilarity(beside, labelled.sample.codes.length, fold, linalg));
  const counts: number[] = [];
  for (const shrinkage of SHRINKAGES) {
    const { queries: a, voters: b, dims: P } = await discriminated(labelled, fold, { shrinkage, dims, ...linalg });
    // One direction alone tells nothing by cosine: then the lesser distance is nearer.
    const straight = P === 1 && beside === undefined;
    const length = Math.sqrt(beside?.share ?? 1);
    const [from, to] = straight ? [a, b] : [scaleRows(a, P, length), scaleRows(b, P, length)];
    const similarity = await matmul(from, to, { m: q, k: P, n: p, transB: true }, linalg);
    if (straight) similarity.forEach((value, at) => (similarity[at] = value - to[at % p]! ** 2 / 2));
    fixed?.forEach((value, at) => (similarity[at] = similarity[at]! + value));
    const { right } = voteScores(similarity, { queryCodes, poolCodes: voterCodes, neighbours });
    counts.push(right[0]!.reduce((sum, value) => sum + value, 0));
  }
  return counts;
}

/** What the unchanged part adds to the similarity of queries and voters. */
async function besideSimilarity(
  { rows, share }: NonNullable<ShrinkageOptions['beside']>,
  m: number,
  { queries, voters }: HeldOut,
  linalg: LinalgOptions,
): Promise<Float32Array> {
  const width = rows.length / m;
  const shape = { m: queries.length, k: width, n: voters.length, transB: true };
  const product = await matmul(rowsAt(rows, width, queries), rowsAt(rows, width, voters), shape, linalg);
  return product.map((value) => (1 - share) * value);
}
