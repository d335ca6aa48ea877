/**
 * Exact k-nearest neighbours on a hot matrix. onnxruntime scores all rows and keeps some candidates more than k (10,000 × 512 in
 * about a millisecond); their distances are then computed in float64, so that neither rounding nor batch size decides an order.
 */
import { FungiError } from '../core/errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { float32, int64, Session, type RuntimeOptions, type Tensor } from '../runtime/session.js';

export interface Neighbour {
  /** Place of the row in the matrix. */
  readonly row: number;
  /** Euclidean, or 1 − cosine. */
  readonly distance: number;
}

export type Metric = 'l2' | 'cosine';

export interface SearchSpec {
  /** n */
  readonly rows: number;
  /** P */
  readonly dims: number;
  readonly metric: Metric;
  readonly runtime?: RuntimeOptions;
}

export interface SearchOptions {
  /** Rows that may be returned. @default all */
  readonly allow?: (row: number) => boolean;
}

/** Candidates beyond k at first: enough unless many rows are nearly as far as the k-th. */
const SPARE = 16;
/** Rows and queries scored in one run: 64 MiB of scores. */
const ROWS_PER_RUN = 65_536;
const QUERIES_PER_RUN = 256;
/** How far a float32 score may be off, relative to the squared lengths that went into it: measured near 1e-6. */
const SCORE_ERROR = 1e-5;

export class ExactSearch {
  private constructor(
    private readonly session: Session,
    private readonly vectors: Float32Array,
    /** What is added to each row's inner products: −‖x‖² for l2, 0 for cosine. */
    private readonly offsets: Float32Array,
    private readonly spec: SearchSpec,
    private readonly longest: number,
  ) {}

  /**
   * @param vectors [n,P], kept, not copied, unless the metric is cosine
   * @throws {FungiError} INVALID_ARGUMENT when the length is not n·P; INVALID_VECTOR for a value that is not finite
   */
  static async create(vectors: Float32Array, spec: SearchSpec): Promise<ExactSearch> {
    const { rows, dims, metric } = spec;
    if (vectors.length !== rows * dims) {
      throw new FungiError('INVALID_ARGUMENT', `search: ${vectors.length} values are not ${rows} rows of ${dims}`);
    }
    const matrix = metric === 'cosine' ? unitRows(vectors, dims) : vectors;
    const squares = squaredLengths(matrix, dims);
    const bad = squares.findIndex((square) => !Number.isFinite(square));
    if (bad >= 0) throw new FungiError('INVALID_VECTOR', `search: row ${bad} has a value that is not finite`);
    const offsets = metric === 'cosine' ? new Float32Array(rows) : squares.map((square) => -square);
    const longest = squares.reduce((max, square) => Math.max(max, square), 0);
    return new ExactSearch(await scoring(spec.runtime ?? {}), matrix, offsets, spec, longest);
  }

  /**
   * The k nearest rows of each query, nearest first; among equals the earlier row. Fewer when fewer are allowed.
   *
   * @param queries [Q,P]
   * @throws {FungiError} INVALID_ARGUMENT; INVALID_VECTOR for a query that is not finite
   */
  async search(queries: Float32Array, k: number, { allow }: SearchOptions = {}): Promise<Neighbour[][]> {
    const { rows, dims, metric } = this.spec;
    const count = queries.length / dims;
    if (!Number.isInteger(count) || !Number.isInteger(k) || k < 1) {
      throw new FungiError('INVALID_ARGUMENT', `search: ${queries.length} values for queries of ${dims}, k = ${k}`);
    }
    const asked = metric === 'cosine' ? unitRows(queries, dims) : queries;
    const bad = asked.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new FungiError('INVALID_VECTOR', `search: query ${Math.floor(bad / dims)} is not finite`);
    const offsets =
      allow === undefined ? this.offsets : this.offsets.map((offset, row) => (allow(row) ? offset : -Infinity));
    const found: Neighbour[][] = [];
    for (let start = 0; start < count; start += QUERIES_PER_RUN) {
      const part = asked.subarray(start * dims, Math.min(count, start + QUERIES_PER_RUN) * dims);
      found.push(...(await this.nearest(part, Math.min(k, rows), offsets)));
    }
    return found;
  }

  /** Widens the candidates of those queries for which rounding might have hidden a neighbour. */
  private async nearest(queries: Float32Array, k: number, offsets: Float32Array): Promise<Neighbour[][]> {
    const { rows, dims } = this.spec;
    const found = new Array<Neighbour[]>(queries.length / dims).fill([]);
    let open = found.map((_, q) => q);
    for (let width = Math.min(rows, k + SPARE); open.length > 0; width = Math.min(rows, width * 4)) {
      const subset = gatherRows(queries, open, dims);
      const candidates = await this.candidates(subset, width, offsets);
      open = open.filter((q, i) => {
        const query = queries.subarray(q * dims, (q + 1) * dims);
        const { rows: near, floor } = candidates[i]!;
        found[q] = this.exact(query, near).slice(0, k);
        return width < rows && found[q].length === k && !this.isCertain(query, found[q].at(-1)!, floor);
      });
    }
    return found;
  }

  /** Whether every row outside the candidates, whose score is at most `floor`, is farther than `last`. */
  private isCertain(query: Float32Array, last: Neighbour, floor: number): boolean {
    const own = squaredLengths(query, query.length)[0]!;
    const score = this.spec.metric === 'cosine' ? 2 * (1 - last.distance) : own - last.distance ** 2;
    return score > floor + SCORE_ERROR * (own + this.longest);
  }

  /** The rows of highest score 2·q·x − ‖x‖² (or 2·cosine), and the lowest score among them. */
  private async candidates(queries: Float32Array, width: number, offsets: Float32Array): Promise<Candidates[]> {
    const { rows, dims } = this.spec;
    const count = queries.length / dims;
    const out: Scored[][] = Array.from({ length: count }, () => []);
    for (let start = 0; start < rows; start += ROWS_PER_RUN) {
      const end = Math.min(rows, start + ROWS_PER_RUN);
      const take = Math.min(width, end - start);
      const { scores, places } = await this.session.run(
        {
          queries: float32(queries, [count, dims]),
          rows: float32(this.vectors.subarray(start * dims, end * dims), [end - start, dims]),
          offsets: float32(offsets.subarray(start, end), [end - start]),
          k: int64(BigInt64Array.of(BigInt(take)), [1]),
        },
        ['scores', 'places'],
      );
      append(out, scores, places, start, take);
    }
    return out.map((scored) => {
      const best = scored.sort((a, b) => b.score - a.score).slice(0, width);
      return {
        rows: best.filter(({ score }) => score > -Infinity).map(({ row }) => row),
        floor: best.at(-1)?.score ?? -Infinity,
      };
    });
  }

  /** Distances in float64, nearest first. */
  private exact(query: Float32Array, rows: readonly number[]): Neighbour[] {
    const { dims, metric } = this.spec;
    return rows
      .map((row) => {
        let [squares, product] = [0, 0];
        for (let d = 0; d < dims; d++) {
          const [x, y] = [query[d]!, this.vectors[row * dims + d]!];
          squares += (x - y) ** 2;
          product += x * y;
        }
        return { row, distance: metric === 'l2' ? Math.sqrt(squares) : Math.max(0, 1 - product) };
      })
      .sort((a, b) => a.distance - b.distance || a.row - b.row);
  }
}

interface Scored {
  readonly row: number;
  readonly score: number;
}

interface Candidates {
  readonly rows: readonly number[];
  readonly floor: number;
}

function append(out: Scored[][], scores: Tensor, places: Tensor, start: number, take: number): void {
  const [values, indices] = [scores.data as Float32Array, places.data as BigInt64Array];
  out.forEach((list, q) => {
    for (let i = 0; i < take; i++)
      list.push({ row: start + Number(indices[q * take + i]), score: values[q * take + i]! });
  });
}

const sessions = new Map<string, Promise<Session>>();

/** scores = TopK(2·queries·rowsᵀ + offsets); one session a process and place. */
function scoring(runtime: RuntimeOptions): Promise<Session> {
  const key = `${runtime.provider ?? 'cpu'},${runtime.threads ?? 0}`;
  let session = sessions.get(key);
  if (session === undefined) {
    const g = new GraphBuilder('search');
    const queries = g.input('queries', 'float32', ['Q', 'P']);
    const rows = g.input('rows', 'float32', ['n', 'P']);
    const offsets = g.input('offsets', 'float32', ['n']);
    const k = g.input('k', 'int64', [1]);
    const scores = g.op('Gemm', [queries, rows, offsets], { transB: 1, alpha: { float: 2 } });
    g.op('TopK', [scores, k], { axis: 1 }, { outputs: ['scores', 'places'] });
    g.output('scores', 'float32', ['Q', 'k']);
    g.output('places', 'int64', ['Q', 'k']);
    session = Session.load(g.build(), 'search', runtime);
    sessions.set(key, session);
  }
  return session;
}

function squaredLengths(rows: Float32Array, dims: number): Float32Array {
  return Float32Array.from({ length: rows.length / dims }, (_, row) => {
    let sum = 0;
    for (let d = 0; d < dims; d++) sum += rows[row * dims + d]! ** 2;
    return sum;
  });
}

/** Rows at unit length; a zero row stays zero, and is then at distance 1 from everything. */
function unitRows(rows: Float32Array, dims: number): Float32Array {
  const scales = squaredLengths(rows, dims).map((square) => (square === 0 ? 0 : 1 / Math.sqrt(square)));
  return rows.map((value, i) => value * scales[Math.floor(i / dims)]!);
}

function gatherRows(rows: Float32Array, picks: readonly number[], dims: number): Float32Array {
  const out = new Float32Array(picks.length * dims);
  picks.forEach((pick, i) => {
    out.set(rows.subarray(pick * dims, (pick + 1) * dims), i * dims);
  });
  return out;
}
