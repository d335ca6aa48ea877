/**
 * Inner products of the rows with queries of any number of searches. What takes time is to read the rows, so that queries that come while
 * a product is being computed share the next one: twenty searches at once take two passes over the rows instead of twenty.
 */
import { matmul, type LinalgOptions } from '../runtime/linalg.js';

/** Inner products of queries with rows. */
export interface Products {
  /** [q,stride]; the products with rows 0 to n − 1 stand first in a query's. */
  readonly values: Float32Array;
  /** n, or more where the pass went over more rows. */
  readonly stride: number;
}

interface Asked {
  /** [n,P] */
  readonly rows: Float32Array;
  /** [q,P] */
  readonly queries: Float32Array;
  readonly resolve: (products: Products) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedProducts {
  /** What waits for the next pass over a memory; there is an entry as long as a pass is under way. */
  private readonly waiting = new Map<Float32Array, Asked[]>();

  /** @param queriesPerPass so that products stay in the cache while they are gone through */
  constructor(
    private readonly dims: number,
    private readonly queriesPerPass: number,
    private readonly runtime: LinalgOptions,
  ) {}

  /**
   * @param of the whole memory of the rows, by which searches know that they go over the same; what is in use of it never changes
   * @param rows its first n rows [n,P], those that this search goes over
   * @param queries [q,P], q at most `queriesPerPass`
   */
  multiply(of: Float32Array, rows: Float32Array, queries: Float32Array): Promise<Products> {
    return new Promise((resolve, reject) => {
      const asked = { rows, queries, resolve, reject };
      const waiting = this.waiting.get(of);
      if (waiting !== undefined) {
        waiting.push(asked);
        return;
      }
      this.waiting.set(of, [asked]);
      // Not at once: the other searches of this query are asked for in the same turn.
      queueMicrotask(() => void this.passes(of));
    });
  }

  private async passes(of: Float32Array): Promise<void> {
    const waiting = this.waiting.get(of)!;
    while (waiting.length > 0) await this.pass(this.next(waiting));
    this.waiting.delete(of);
  }

  /** The first that wait, as many as a pass takes. */
  private next(waiting: Asked[]): Asked[] {
    let width = 0;
    const end = waiting.findIndex(({ queries }) => (width += queries.length) > this.queriesPerPass * this.dims);
    return waiting.splice(0, end === -1 ? waiting.length : Math.max(1, end));
  }

  private async pass(asked: readonly Asked[]): Promise<void> {
    const { dims } = this;
    try {
      const queries = joined(asked.map((one) => one.queries));
      const rows = asked.reduce(
        (longest, one) => (one.rows.length > longest.length ? one.rows : longest),
        asked[0]!.rows,
      );
      const stride = rows.length / dims;
      const shape = { m: queries.length / dims, k: dims, n: stride, transB: true };
      const values = await matmul(queries, rows, shape, this.runtime);
      let at = 0;
      for (const one of asked) {
        const end = at + (one.queries.length / dims) * stride;
        one.resolve({ values: values.subarray(at, end), stride });
        at = end;
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}

/** [q,P] of all. */
function joined(queries: readonly Float32Array[]): Float32Array {
  if (queries.length === 1) return queries[0]!;
  const out = new Float32Array(queries.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const some of queries) {
    out.set(some, at);
    at += some.length;
  }
  return out;
}
