/** How far a scatter is to be shrunk: what does best on rows that were held out of the fit. */
import { Rng } from '../core/rng.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { centredProduct, scaleRows } from './centred-product.js';
import { inverseTranspose, pivotedCholesky } from './cholesky.js';
import { discriminantDirections } from './discriminant.js';
import { rowsAt, type Sample } from './labelled-statistics.js';
import { scatterOf, withoutRows, type ClassSums } from './scatter.js';
import { countRight } from './vote-score.js';

/** The smaller the pool, the larger the one that does best. */
export const SHRINKAGES = [0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95] as const;

/** Labelled rows that are kept to be held out: 25 MB of 1,536 features. */
export const SAMPLE_ROWS = 4096;
const FOLDS = 5;
/** Folds are taken until so many rows were scored, and drawn anew where one round does not do: a row of a small pool has several turns. */
const ENOUGH = 1600;
const MOST_DRAWS = 4;
/** Neighbours that vote, fewer where classes are smaller. */
const NEIGHBOURS = 20;
/** Of the width: with fewer rows it pays to take their coordinates in what they span. */
const NARROW = 0.75;
/** Of the longest row's squared length: what rounding leaves of a row that others span. */
const SPANNED = 1e-12;

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
  options: ShrinkageOptions,
): Promise<ShrinkageChoice> {
  const m = sample.codes.length;
  const axes = sums.shift.length;
  const whole = m === sums.counts.reduce((sum, count) => sum + count, 0);
  const task = whole && m < NARROW * axes ? await inTheirSpan(sums, sample, options) : { sums, sample };
  const right = new Float64Array(SHRINKAGES.length);
  let scored = 0;
  for (const held of foldsOf(sample.codes, options.seed)) {
    if (scored >= ENOUGH) break;
    const own = await scoreFold(task.sums, task.sample, held, { ...options, axes });
    scored += own.scored;
    own.right.forEach((count, at) => (right[at] = right[at]! + count));
  }
  if (scored === 0) return { shrinkage: SHRINKAGES.at(-1)!, scores: [] };
  const best = right.lastIndexOf(Math.max(...right));
  return {
    shrinkage: SHRINKAGES[best]!,
    scores: SHRINKAGES.map((shrinkage, at) => ({ shrinkage, accuracy: right[at]! / scored })),
  };
}

/** Row numbers by fold: each class is dealt out in turn, so that folds have equal shares of it. */
function* foldsOf(codes: Int32Array, seed: number): Generator<readonly number[]> {
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const order = Rng.stream(seed, 'reducer', 'folds', draw).sample(codes.length, codes.length);
    const byClass = order.sort((a, b) => codes[a]! - codes[b]!);
    for (let fold = 0; fold < Math.min(FOLDS, codes.length); fold++) {
      yield byClass.filter((_, at) => at % FOLDS === fold);
    }
  }
}

/** For each shrinkage how many of the rows held out got their own label; those whose class has no other row are not scored. */
async function scoreFold(
  sums: ClassSums,
  sample: Sample,
  held: readonly number[],
  { dims, axes, beside, ...linalg }: ShrinkageOptions & { readonly axes: number },
): Promise<{ readonly right: readonly number[]; readonly scored: number }> {
  const width = sums.shift.length;
  const isHeld = new Set(held);
  const kept = Array.from(sample.codes.keys()).filter((row) => !isHeld.has(row));
  const classes = new Set(kept.map((row) => sample.codes[row]!));
  const queries = held.filter((row) => classes.has(sample.codes[row]!));
  const codesOf = (rows: readonly number[]): number[] => rows.map((row) => sample.codes[row]!);
  const left = await withoutRows(sums, rowsAt(sample.rows, width, held), codesOf(held), linalg);
  const scatter = await scatterOf(left, linalg);
  if (queries.length === 0 || scatter.classes < 2) return { right: SHRINKAGES.map(() => 0), scored: 0 };

  const mean = Float32Array.from(scatter.mean);
  const [own, others] = [queries, kept].map((rows) => rowsAt(sample.rows, width, rows)) as [Float32Array, Float32Array];
  const neighbours = Math.max(1, Math.min(NEIGHBOURS, Math.round(kept.length / classes.size)));
  const votes = { queryCodes: codesOf(queries), poolCodes: codesOf(kept), neighbours };
  const fixed = beside && (await besideSimilarity(beside, sample.codes.length, queries, kept, linalg));
  const right: number[] = [];
  for (const shrinkage of SHRINKAGES) {
    const directions = Float32Array.from(await discriminantDirections(scatter, { shrinkage, dims, axes, ...linalg }));
    const P = directions.length / width;
    const [a, b] = await Promise.all([own, others].map((rows) => centredProduct(rows, mean, directions, linalg)));
    // One direction alone tells nothing by cosine: then the lesser distance is nearer.
    const straight = P === 1 && beside === undefined;
    const length = Math.sqrt(beside?.share ?? 1);
    const [from, to] = straight ? [a!, b!] : [scaleRows(a!, P, length), scaleRows(b!, P, length)];
    const similarity = await matmul(from, to, { m: queries.length, k: P, n: kept.length, transB: true }, linalg);
    if (straight) similarity.forEach((value, at) => (similarity[at] = value - to[at % kept.length]! ** 2 / 2));
    fixed?.forEach((value, at) => (similarity[at] = similarity[at]! + value));
    right.push(countRight(similarity, votes));
  }
  return { right, scored: queries.length };
}

/** What the unchanged part adds to the similarity of queries and pool. */
async function besideSimilarity(
  { rows, share }: NonNullable<ShrinkageOptions['beside']>,
  m: number,
  queries: readonly number[],
  kept: readonly number[],
  linalg: LinalgOptions,
): Promise<Float32Array> {
  const width = rows.length / m;
  const shape = { m: queries.length, k: width, n: kept.length, transB: true };
  const product = await matmul(rowsAt(rows, width, queries), rowsAt(rows, width, kept), shape, linalg);
  return product.map((value) => (1 - share) * value);
}

/** The same rows by their coordinates in the space that they span, which has no more axes than there are rows. */
async function inTheirSpan(
  { shift, counts }: ClassSums,
  { rows, codes }: Sample,
  linalg: LinalgOptions,
): Promise<{ readonly sums: ClassSums; readonly sample: Sample }> {
  const [m, F] = [codes.length, shift.length];
  const centred = Float64Array.from(rows, (value, at) => value - shift[at % F]!);
  const gram = await matmul(centred, centred, { m, k: F, n: m, transB: true }, linalg);
  let longest = 0;
  for (let row = 0; row < m; row++) longest = Math.max(longest, gram[row * (m + 1)]!);
  const { rank, pivots, factor } = pivotedCholesky(gram, m, SPANNED * longest);
  const products = Float64Array.from(
    { length: m * rank },
    (_, at) => gram[Math.floor(at / rank) * m + pivots[at % rank]!]!,
  );
  const shape = { m, k: rank, n: rank };
  const coordinates = Float32Array.from(
    rank === 0 ? [] : await matmul(products, inverseTranspose(factor, rank), shape, linalg),
  );
  const sums = new Float64Array(counts.length * rank);
  codes.forEach((c, row) => {
    for (let j = 0; j < rank; j++) sums[c * rank + j]! += coordinates[row * rank + j]!;
  });
  const exact = Float64Array.from(coordinates);
  return {
    sums: {
      shift: new Float64Array(rank),
      ...{ counts, sums },
      products: await matmul(exact, exact, { m: rank, k: m, n: rank, transA: true }, linalg),
    },
    sample: { rows: coordinates, codes },
  };
}
