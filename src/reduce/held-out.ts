/** Rows that are held out of a fit, to see how the space that the others make takes rows that it has not seen. */
import { Rng } from '../core/rng.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { centredProduct } from './centred-product.js';
import { inverseTranspose, pivotedCholesky } from './cholesky.js';
import { discriminantDirections } from './discriminant.js';
import { rowsAt, type Sample } from './labelled-statistics.js';
import { scatterOf, withoutRows, type ClassSums, type Scatter } from './scatter.js';

/** Labelled rows that are kept to be held out: 25 MB of 1,536 features. */
export const SAMPLE_ROWS = 4096;
/** Folds are taken until so many rows were scored, and drawn anew where one round does not do: a row of a small pool has several turns. */
export const ENOUGH = 1600;
const FOLDS = 5;
const MOST_DRAWS = 4;
/** Of the width: with fewer rows it pays to take their coordinates in what they span. */
const NARROW = 0.75;
/** Of the longest row's squared length: what rounding leaves of a row that others span. */
const SPANNED = 1e-12;

/** Labelled rows, and the sums of all of which they are a sample. */
export interface Labelled {
  readonly sums: ClassSums;
  readonly sample: Sample;
  /** F of the rows, where these are coordinates in a part of their space. */
  readonly axes: number;
}

/**
 * Row numbers of the sample by fold: each class is dealt out in turn, so that folds have equal shares of it. Copies go where the first of them
 * is, since a row that votes for its own copy says nothing of new ones.
 */
export function* foldsOf(
  { codes, groups }: Pick<Sample, 'codes' | 'groups'>,
  seed: number,
): Generator<readonly number[]> {
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const order = Rng.stream(seed, 'reducer', 'folds', draw).sample(codes.length, codes.length);
    const byClass = order.sort((a, b) => codes[a]! - codes[b]!);
    const foldOf = new Map<number, number>();
    byClass.forEach((row, at) => {
      if (!foldOf.has(groups[row]!)) foldOf.set(groups[row]!, at % FOLDS);
    });
    for (let fold = 0; fold < Math.min(FOLDS, codes.length); fold++) {
      yield byClass.filter((row) => foldOf.get(groups[row]!) === fold);
    }
  }
}

/** The same rows in as few axes as pay: those of a small pool by their coordinates in the space that they span. */
export async function compact(sums: ClassSums, sample: Sample, linalg: LinalgOptions = {}): Promise<Labelled> {
  const axes = sums.shift.length;
  const m = sample.codes.length;
  const whole = m === sums.counts.reduce((sum, count) => sum + count, 0);
  return { axes, ...(whole && m < NARROW * axes ? await inTheirSpan(sums, sample, linalg) : { sums, sample }) };
}

/** A fold and the space of the rows without it. */
export interface HeldOut {
  /** Rows of the sample that are scored: those of the fold whose class has other rows [q]. */
  readonly queries: readonly number[];
  /** Those that vote: the others [p]. */
  readonly voters: readonly number[];
  readonly queryCodes: readonly number[];
  readonly voterCodes: readonly number[];
  /** Classes that voters have. */
  readonly classes: number;
  /** Of all rows, those of the fold not among them. */
  readonly scatter: Scatter;
}

/** Rows of a fold whose class no row outside it has: nothing is told of them. */
export function aloneIn({ codes }: Pick<Sample, 'codes'>, held: readonly number[]): number[] {
  const others = new Map<number, number>();
  for (const code of codes) others.set(code, (others.get(code) ?? 0) + 1);
  for (const row of held) others.set(codes[row]!, others.get(codes[row]!)! - 1);
  return held.filter((row) => others.get(codes[row]!) === 0);
}

/** Undefined where nothing can be scored: no row of the fold has its class elsewhere, or one class is left. */
export async function holdOut(
  { sums, sample }: Labelled,
  held: readonly number[],
  linalg: LinalgOptions = {},
): Promise<HeldOut | undefined> {
  const { rows, codes } = sample;
  const isHeld = new Set(held);
  const voters = Array.from(codes.keys()).filter((row) => !isHeld.has(row));
  const classes = new Set(voters.map((row) => codes[row]!));
  const queries = held.filter((row) => classes.has(codes[row]!));
  const codesOf = (numbers: readonly number[]): number[] => numbers.map((row) => codes[row]!);
  const left = await withoutRows(sums, rowsAt(rows, sums.shift.length, held), codesOf(held), linalg);
  const scatter = await scatterOf(left, linalg);
  if (queries.length === 0 || scatter.classes < 2) return undefined;
  return {
    ...{ queries, voters, scatter, classes: classes.size },
    ...{ queryCodes: codesOf(queries), voterCodes: codesOf(voters) },
  };
}

/** Queries [q,P] and voters [p,P] along the discriminant directions of the rows that were not held out. */
export async function discriminated(
  { sample, axes }: Labelled,
  { queries, voters, scatter }: HeldOut,
  { shrinkage, dims, ...linalg }: LinalgOptions & { readonly shrinkage: number; readonly dims: number },
): Promise<{ readonly queries: Float32Array; readonly voters: Float32Array; readonly dims: number }> {
  const mean = Float32Array.from(scatter.mean);
  const directions = Float32Array.from(await discriminantDirections(scatter, { shrinkage, dims, axes, ...linalg }));
  // All rows are one, or the means of all labels are.
  if (directions.length === 0) return { queries: directions, voters: directions, dims: 0 };
  const along = (numbers: readonly number[]): Promise<Float32Array> =>
    centredProduct(rowsAt(sample.rows, scatter.width, numbers), mean, directions, linalg);
  return { queries: await along(queries), voters: await along(voters), dims: directions.length / scatter.width };
}

/** The same rows by their coordinates in the space that they span, which has no more axes than there are rows. */
async function inTheirSpan(
  { shift, counts }: ClassSums,
  { rows, codes, groups }: Sample,
  linalg: LinalgOptions,
): Promise<Pick<Labelled, 'sums' | 'sample'>> {
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
    sample: { rows: coordinates, codes, groups },
  };
}
