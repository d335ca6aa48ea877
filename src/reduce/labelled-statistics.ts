/** What a supervised reduction needs to know of rows that arrive in pieces, some with a label: memory depends on F and C alone. */
import { FungiError } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { countRows } from '../runtime/row-matrix.js';
import { CovarianceAccumulator, mergeMoments, type Moments } from './covariance.js';
import type { Labels } from './reducer.js';
import type { ClassSums } from './scatter.js';

/** Labelled rows that are kept as they are. */
export interface Sample {
  /** [m,F] */
  readonly rows: Float32Array;
  /** The class of each [m]. */
  readonly codes: Int32Array;
  /** Of each a number that its copies share [m]. */
  readonly groups: Int32Array;
}

export class LabelledStatistics {
  private readonly labelled: CovarianceAccumulator;
  private unlabelled: CovarianceAccumulator | undefined;
  /** By label, in the order in which labels come. */
  private readonly codes = new Map<string, number>();
  private readonly counts: number[] = [];
  /** Σ x of each class [C][F]. */
  private readonly sums: Float64Array[] = [];
  private readonly reservoir: Reservoir | undefined;
  /** Rows that came without a group. */
  private seen = 0;

  /**
   * @param width F
   * @param sample how many labelled rows to keep, and the seed that draws them; without it none
   */
  constructor(
    private readonly width: number,
    sample?: { readonly rows: number; readonly seed: number },
    private readonly linalg: LinalgOptions = {},
  ) {
    this.labelled = new CovarianceAccumulator(width, linalg);
    this.reservoir = sample && new Reservoir(width, sample.rows, sample.seed);
  }

  /** Rows taken in so far, those without a label among them. */
  get rows(): number {
    return this.labelled.rows + (this.unlabelled?.rows ?? 0);
  }

  /** Different labels seen so far. */
  get classes(): number {
    return this.codes.size;
  }

  /**
   * @param groups of each row a number that its copies share: they are held out together. @default each row is one of its own
   * @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite, INVALID_ARGUMENT unless there is an entry of
   *   `labels` for each row; nothing is taken in then
   */
  async add(rows: Float32Array, labels: Labels, groups?: readonly number[]): Promise<void> {
    const { width } = this;
    const count = countRows(rows, width, 'row', this.rows);
    if (labels.length !== count) {
      throw new FungiError('INVALID_ARGUMENT', `${count} rows, but ${labels.length} labels`, {
        hint: 'Give an entry for each row, undefined where it has no label.',
      });
    }
    const known = labels.flatMap((label, row) => (label === undefined ? [] : [row]));
    const own = known.length === count ? rows : rowsAt(rows, width, known);
    known.forEach((row, at) => {
      this.take(own.subarray(at * width, (at + 1) * width), labels[row]!, groups?.[row] ?? -1 - this.seen++);
    });
    await this.labelled.add(own);
    if (known.length === count) return;
    const others = labels.flatMap((label, row) => (label === undefined ? [row] : []));
    this.unlabelled ??= new CovarianceAccumulator(width, this.linalg);
    await this.unlabelled.add(rowsAt(rows, width, others));
  }

  /** Of all rows, at least one. */
  async moments(): Promise<Moments> {
    const others = await this.unlabelled?.moments();
    if (others !== undefined && this.labelled.rows === 0) return others;
    const own = await this.labelled.moments();
    return others === undefined ? own : mergeMoments(own, others);
  }

  /** Of the rows with a label, at least one: about their mean. */
  async classSums(): Promise<ClassSums> {
    const { width } = this;
    const { mean, covariance, rows } = await this.labelled.moments();
    const sums = new Float64Array(this.sums.length * width);
    this.sums.forEach((sum, c) => {
      for (let j = 0; j < width; j++) sums[c * width + j] = sum[j]! - this.counts[c]! * mean[j]!;
    });
    const degrees = Math.max(1, rows - 1);
    const products = covariance.map((value) => value * degrees);
    return { shift: mean, counts: Int32Array.from(this.counts), sums, products };
  }

  /** Labelled rows that were kept; all of them, where there are no more than were asked for. */
  sample(): Sample {
    return (
      this.reservoir?.sample() ?? { rows: new Float32Array(0), codes: new Int32Array(0), groups: new Int32Array(0) }
    );
  }

  private take(row: Float32Array, label: string, group: number): void {
    const { codes, width } = this;
    const c = codes.get(label) ?? codes.size;
    codes.set(label, c);
    const sum = (this.sums[c] ??= new Float64Array(width));
    for (let j = 0; j < width; j++) sum[j]! += row[j]!;
    this.counts[c] = (this.counts[c] ?? 0) + 1;
    this.reservoir?.offer(row, c, group);
  }
}

/** So many rows of a stream, each row as likely as any other (Vitter 1985, algorithm R). */
class Reservoir {
  private readonly rows: Float32Array[] = [];
  private readonly codes: number[] = [];
  private readonly groups: number[] = [];
  private seen = 0;
  private readonly rng: Rng;

  constructor(
    private readonly width: number,
    private readonly capacity: number,
    seed: number,
  ) {
    this.rng = Rng.stream(seed, 'reducer', 'sample');
  }

  offer(row: Float32Array, code: number, group: number): void {
    this.seen++;
    const at = this.seen <= this.capacity ? this.seen - 1 : this.rng.int(this.seen);
    if (at >= this.capacity) return;
    this.rows[at] = row.slice();
    this.codes[at] = code;
    this.groups[at] = group;
  }

  sample(): Sample {
    const rows = new Float32Array(this.rows.length * this.width);
    this.rows.forEach((row, at) => {
      rows.set(row, at * this.width);
    });
    return { rows, codes: Int32Array.from(this.codes), groups: Int32Array.from(this.groups) };
  }
}

/** Copies of the rows of these numbers. */
export function rowsAt<T extends Float32Array | Float64Array>(rows: T, width: number, numbers: readonly number[]): T {
  const out = new (rows.constructor as new (length: number) => T)(numbers.length * width);
  numbers.forEach((row, at) => {
    out.set(rows.subarray(row * width, (row + 1) * width), at * width);
  });
  return out;
}
