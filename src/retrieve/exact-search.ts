/**
 * Exact k-nearest neighbours on a hot matrix. onnxruntime scores all rows in float32 (10,000 × 512 in about a millisecond); rows that
 * the error bound of those scores cannot rule out get their distance in float64, so that neither rounding nor the size of a batch
 * decides an order.
 *
 * Axes: n rows, P dimensions, Q queries.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { FungiError } from '../core/errors.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { countRows } from '../runtime/row-matrix.js';
import { Candidates } from './candidates.js';
import { cosineDistance, euclidean, productDistance, squareOf, type SearchMetric } from './distance.js';
import { HotRows, LARGEST_SEGMENT, type Segment } from './hot-rows.js';
import { COMPARED_TOGETHER, KEEPING, Pieces } from './pieces.js';
import { SharedProducts } from './shared-products.js';

export interface Neighbour {
  /** Number of the row: its place among all rows ever given to the search. */
  readonly row: number;
  /** Euclidean, 1 − cosine or 1 − product. A zero vector is at cosine 0 to everything. */
  readonly distance: number;
}

export interface SearchSpec {
  /** n */
  readonly rows: number;
  /** P */
  readonly dims: number;
  readonly metric: SearchMetric;
  /** Rows that are scored in one product, for whose time the event loop stands still; 16,384 at most. @default 16,384 */
  readonly segment?: number;
  readonly runtime?: LinalgOptions;
}

export interface SearchOptions {
  /** Rows that may be returned. @default all */
  readonly allow?: (row: number) => boolean;
  /** Waited for where the search has kept the event loop for some milliseconds: what it throws ends the search. @default others have a turn */
  readonly rest?: () => Promise<void>;
}

/** Queries that share a pass over the rows. */
const QUERIES_PER_PASS = 32;
/** Twice the unit roundoff of float32: an inner product of P terms is off by at most P·2⁻²⁴(1 + …)·‖q‖·‖x‖. */
const ROUNDING = 2 ** -23;
/** Twice what a product or sum may lose to underflow. */
const UNDERFLOW = 2 ** -125;
/** Inner products that could be larger than this may overflow on the way. */
const LARGEST_PRODUCT = 1e37;

export class ExactSearch {
  private readonly products: SharedProducts;

  private constructor(
    private readonly rows: HotRows,
    private readonly metric: SearchMetric,
    runtime: LinalgOptions,
  ) {
    this.products = new SharedProducts(rows.dims, QUERIES_PER_PASS, runtime);
  }

  /**
   * Others have a turn after each segment.
   *
   * @param vectors [n,P], kept, not copied: they must not change afterwards
   * @throws {FungiError} INVALID_ARGUMENT when the length is not n·P; INVALID_VECTOR for a value that is not finite
   */
  static async create(vectors: Float32Array, spec: SearchSpec): Promise<ExactSearch> {
    const { rows, dims, metric, segment = LARGEST_SEGMENT, runtime = {} } = spec;
    if (vectors.length !== rows * dims) {
      throw new FungiError('INVALID_ARGUMENT', `search: ${vectors.length} values are not ${rows} rows of ${dims}`);
    }
    const hot = new HotRows(dims);
    for (let start = 0; start < rows; start += segment) {
      if (start > 0) await turn();
      const some = vectors.subarray(start * dims, (start + segment) * dims);
      countRows(some, dims, 'row', start);
      hot.adopt(some);
    }
    return new ExactSearch(hot, metric, runtime);
  }

  /** Rows there are now. */
  get size(): number {
    return this.rows.size;
  }

  /**
   * Adds copies of `vectors` [n,P]; returns the number of the first, the others follow.
   *
   * @throws {FungiError} INVALID_VECTOR, and nothing is added
   */
  append(vectors: Float32Array): number {
    countRows(vectors, this.rows.dims, 'row');
    return this.rows.append(vectors);
  }

  /** Removes rows by number, ignores numbers that are not there, and returns how many were. The other rows keep theirs. */
  remove(numbers: Iterable<number>): number {
    return this.rows.remove(numbers);
  }

  /**
   * Gives rows other vectors under their numbers; numbers that are not there are ignored.
   *
   * @param vectors [n,P] in the order of `numbers`, copied
   * @throws {FungiError} INVALID_ARGUMENT when there are not as many; INVALID_VECTOR; nothing is replaced then
   */
  replace(numbers: readonly number[], vectors: Float32Array): void {
    const rows = countRows(vectors, this.rows.dims, 'row');
    if (rows !== numbers.length) {
      throw new FungiError('INVALID_ARGUMENT', `search: ${rows} vectors for ${numbers.length} rows`);
    }
    this.rows.replace(numbers, vectors);
  }

  /**
   * The k nearest rows of each query, nearest first; among equals the earlier row. Fewer when fewer are there or allowed.
   * Searches the rows of the moment it is called, whatever is added, replaced or removed while it runs. Where so many rows are equally
   * near that none of them can be left out, their distances are computed in pieces, between which it rests.
   *
   * @param queries [Q,P]
   * @throws {FungiError} INVALID_VECTOR for a query of another width or not finite; INVALID_ARGUMENT when k is not 1 or more; what `rest` throws
   */
  async search(queries: Float32Array, k: number, { allow, rest }: SearchOptions = {}): Promise<Neighbour[][]> {
    const { dims } = this.rows;
    const count = countRows(queries, dims, 'query');
    if (!Number.isInteger(k) || k < 1) {
      throw new FungiError('INVALID_ARGUMENT', `search: k is ${k}, it must be a whole number from 1`);
    }
    const parts = this.rows.segments
      .map((segment) => partOf(segment, dims, allow))
      .filter(({ open }) => open.includes(1));
    const pieces = new Pieces(rest);
    const found: Neighbour[][] = [];
    for (let start = 0; start < count; start += QUERIES_PER_PASS) {
      const some = queries.subarray(start * dims, Math.min(count, start + QUERIES_PER_PASS) * dims);
      found.push(...(await this.nearest(some, k, parts, pieces)));
    }
    return found;
  }

  private async nearest(
    queries: Float32Array,
    k: number,
    parts: readonly Part[],
    pieces: Pieces,
  ): Promise<Neighbour[][]> {
    const { dims } = this.rows;
    const count = queries.length / dims;
    const candidates = Array.from(
      { length: count },
      (_, q) => new Candidates(k, this.scoreError(row(queries, q, dims))),
    );
    const cutoffs = new Float64Array(count).fill(-Infinity);
    for (const [at, part] of parts.entries()) {
      const { values, stride } = await this.products.multiply(part.of, part.vectors, queries);
      for (let q = 0; q < count; q++) {
        const products = values.subarray(q * stride, q * stride + part.rows);
        const before = candidates[q]!.pushed;
        cutoffs[q] = this.gather(candidates[q]!, cutoffs[q]!, products, part, at * LARGEST_SEGMENT);
        await pieces.kept(candidates[q]!.pushed - before, 0);
      }
    }
    const found: Neighbour[][] = [];
    for (const [q, list] of candidates.entries()) {
      found.push((await this.exact(row(queries, q, dims), list.finish(), parts, pieces)).slice(0, k));
    }
    return found;
  }

  /**
   * Scores the rows of a part for one query, and pushes those that may be among its nearest, under numbers from `first` on.
   * Nearer rows score higher: q·x − ‖x‖²/2 orders like −‖q − x‖², q·x/‖x‖ like the cosine, q·x as it is.
   *
   * @param products [rows]
   * @returns the score below which a row is out of the question from now on
   */
  private gather(candidates: Candidates, cutoff: number, products: Float32Array, part: Part, first: number): number {
    const { metric } = this;
    const { squares, open } = part;
    for (let i = 0; i < products.length; i++) {
      let score = products[i]!;
      if (metric === 'l2') score -= squares[i]! / 2;
      else if (metric === 'cosine') score = squares[i] === 0 ? 0 : score / Math.sqrt(squares[i]!);
      if (score < cutoff || open[i] !== 1) continue;
      cutoff = candidates.push(first + i, score);
    }
    return cutoff;
  }

  /** How far a score may be from its true value. */
  private scoreError(query: Float32Array): number {
    const { dims, squareRange } = this.rows;
    const length = Math.sqrt(squareOf(query));
    const [shortest, longest] = squareRange;
    if (length * Math.sqrt(longest) > LARGEST_PRODUCT) return Infinity;
    if (this.metric === 'cosine') return dims * (ROUNDING * length + UNDERFLOW / Math.sqrt(shortest));
    return dims * (ROUNDING * length * Math.sqrt(longest) + UNDERFLOW + Number.EPSILON * longest);
  }

  /** Distances in float64, nearest first. */
  private async exact(
    query: Float32Array,
    places: readonly number[],
    parts: readonly Part[],
    pieces: Pieces,
  ): Promise<Neighbour[]> {
    const { metric } = this;
    const { dims } = this.rows;
    const own = squareOf(query);
    const distance = (vector: Float32Array, squares: number): number => {
      if (metric === 'l2') return euclidean(query, vector);
      return metric === 'product' ? productDistance(query, vector) : cosineDistance(query, vector, squares);
    };
    const found: Neighbour[] = [];
    const step = Math.ceil(COMPARED_TOGETHER / (dims + KEEPING));
    for (let start = 0; start < places.length; start += step) {
      const some = places.slice(start, start + step);
      for (const place of some) {
        const { vectors, squares, numbers } = parts[Math.floor(place / LARGEST_SEGMENT)]!;
        const i = place % LARGEST_SEGMENT;
        found.push({ row: numbers[i]!, distance: distance(row(vectors, i, dims), own * squares[i]!) });
      }
      await pieces.kept(some.length, dims);
    }
    return found.sort((a, b) => a.distance - b.distance || a.row - b.row);
  }
}

/** The rows of a segment that are in use when a search begins: later ones may come behind them. */
interface Part extends Pick<Segment, 'squares' | 'numbers'> {
  /** The memory of the whole segment. */
  readonly of: Float32Array;
  /** [rows,P] */
  readonly vectors: Float32Array;
  readonly rows: number;
  /** 1 for a row that takes part. */
  readonly open: Uint8Array;
}

function partOf(
  { vectors, squares, numbers, alive, count }: Segment,
  dims: number,
  allow: SearchOptions['allow'],
): Part {
  const used = alive.subarray(0, count);
  const open = allow === undefined ? used : used.map((value, i) => (value === 1 && allow(numbers[i]!) ? 1 : 0));
  return { of: vectors, vectors: vectors.subarray(0, count * dims), squares, numbers, rows: count, open };
}

const row = (matrix: Float32Array, i: number, dims: number): Float32Array => matrix.subarray(i * dims, (i + 1) * dims);
