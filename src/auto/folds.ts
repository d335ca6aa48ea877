/** Rows that are held out of the spaces that are tried: all spaces meet the same folds, so that they can be compared row by row. */
import { scaleRows } from '../reduce/centred-product.js';
import {
  aloneIn,
  compact,
  discriminated,
  ENOUGH,
  foldsOf,
  holdOut,
  type HeldOut,
  type Labelled,
} from '../reduce/held-out.js';
import { rowsAt, type Sample } from '../reduce/labelled-statistics.js';
import type { ClassSums } from '../reduce/scatter.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { blocksOf, columnsOf, sampleOf, sumsOf, type FeatureBlock } from './columns.js';

export interface FoldOptions {
  /** Of the rows: one is the embedding. */
  readonly blocks: readonly FeatureBlock[];
  /** The most directions of the supervised part. */
  readonly dims: number;
  readonly seed: number;
  /** The sample's embeddings as an index stores them [m,·]. */
  readonly plain: Float32Array;
}

/** A fold with what is the same for all spaces. */
export interface Fold {
  readonly held: readonly number[];
  /** Of the embedding: queries, voters and their classes are those of every set of losses. */
  readonly out: HeldOut;
  /** Cosines of the embeddings as they are stored [q,p]. */
  readonly plain: Float32Array;
}

export class Folds {
  private constructor(
    private readonly sums: ClassSums,
    private readonly sample: Sample,
    private readonly options: FoldOptions,
    private readonly linalg: LinalgOptions,
    private readonly embedding: Labelled,
    readonly all: readonly Fold[],
    /** Rows that were held out where no other row had their class. */
    private readonly alone: ReadonlySet<number>,
  ) {}

  /**
   * @param sums of all labelled rows [·,F]
   * @param sample some of those rows, or all
   */
  static async create(
    sums: ClassSums,
    sample: Sample,
    options: FoldOptions,
    linalg: LinalgOptions = {},
  ): Promise<Folds> {
    const { blocks, seed, plain } = options;
    const columns = columnsOf(blocksOf(blocks, []));
    const width = sums.shift.length;
    const embedding = await compact(sumsOf(sums, columns), sampleOf(sample, width, columns), linalg);
    const stored = plain.length / sample.codes.length;
    const folds: Fold[] = [];
    const alone = new Set<number>();
    let scored = 0;
    for (const held of foldsOf(sample, seed)) {
      if (scored >= ENOUGH) break;
      for (const row of aloneIn(sample, held)) alone.add(row);
      const out = await holdOut(embedding, held, linalg);
      if (out === undefined) continue;
      scored += out.queries.length;
      const [a, b] = [out.queries, out.voters].map((rows) => scaleRows(rowsAt(plain, stored, rows), stored)) as [
        Float32Array,
        Float32Array,
      ];
      folds.push({ held, out, plain: await similarities(a, b, out, linalg) });
    }
    return new Folds(sums, sample, options, linalg, embedding, folds, alone);
  }

  /** Losses that can be chosen from. */
  get losses(): string[] {
    return this.options.blocks.map(({ name }) => name).filter((name) => name !== 'embedding');
  }

  /** Classes of the sample's rows [m]. */
  get codes(): Int32Array {
    return this.sample.codes;
  }

  /** Of each row that is scored the fold in which it is first held out. */
  firstOf(): Map<number, number> {
    const first = new Map<number, number>();
    this.all.forEach(({ out }, number) => {
      for (const row of out.queries) if (!first.has(row)) first.set(row, number);
    });
    return first;
  }

  /** How many rows were held out and not scored, as no other has their class: copies of one row count as no other. */
  get unscored(): number {
    const first = this.firstOf();
    return [...this.alone].filter((row) => !first.has(row)).length;
  }

  /** The rows as these losses have them, beside the embedding. */
  async rowsOf(losses: readonly string[]): Promise<Labelled> {
    if (losses.length === 0) return this.embedding;
    const { sums, sample, options } = this;
    const columns = columnsOf(blocksOf(options.blocks, losses));
    return compact(sumsOf(sums, columns), sampleOf(sample, sums.shift.length, columns), this.linalg);
  }

  /** The same fold of other rows. @param rows as {@link rowsOf} gives them */
  async heldOut(rows: Labelled, { held, out }: Fold): Promise<HeldOut> {
    return rows === this.embedding ? out : (await holdOut(rows, held, this.linalg))!;
  }

  /** Cosines [q,p] along what tells the labels of the other rows apart. */
  async supervised(rows: Labelled, out: HeldOut, shrinkage: number): Promise<Float32Array> {
    const { linalg, options } = this;
    const own = { shrinkage, dims: options.dims, ...linalg };
    const { queries, voters, dims } = await discriminated(rows, out, own);
    return similarities(scaleRows(queries, dims), scaleRows(voters, dims), out, linalg);
  }
}

/** At a share of the supervised part. @param into [q,p] */
export function mix(supervised: Float32Array, plain: Float32Array, share: number, into: Float32Array): Float32Array {
  for (let at = 0; at < into.length; at++) into[at] = share * supervised[at]! + (1 - share) * plain[at]!;
  return into;
}

/** Inner products [q,p] of rows [q,P] and [p,P]; zeros where P is 0: all rows are one, or the means of all labels are. */
const similarities = async (
  a: Float32Array,
  b: Float32Array,
  { queries: { length: q }, voters: { length: p } }: HeldOut,
  linalg: LinalgOptions,
): Promise<Float32Array> =>
  a.length === 0 ? new Float32Array(q * p) : matmul(a, b, { m: q, k: a.length / q, n: p, transB: true }, linalg);
