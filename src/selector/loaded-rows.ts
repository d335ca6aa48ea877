/** The rows of an open index in memory. Brought up to date change by change, they are what reading the table again would give. */
import type { Example } from '../core/item.js';
import { ExactSearch, type Metric } from '../retrieve/exact-search.js';
import { matches, type Filter } from '../store/filter.js';
import { lastOfEach, metadataText, parseMetadata } from '../store/rows.js';
import type { ExampleStore, StoredRow } from '../store/store.js';

/** A row near a query. */
export interface NearRow {
  readonly example: Example;
  readonly distance: number;
}

export class LoadedRows {
  /** Found when they are first asked for after a change. */
  private known: readonly string[] | undefined;

  private constructor(
    private readonly search: ExactSearch,
    private readonly dims: number,
    /** By number of the search, in insertion order. Copied by a change: a search that is under way keeps those it began with. */
    private examples: ReadonlyMap<number, Example>,
    /** Number of each id. */
    private readonly numbers: Map<string, number>,
    private at: number,
  ) {}

  static async load(store: ExampleStore, metric: Metric): Promise<LoadedRows> {
    const { dims } = store;
    const version = await store.version(); // asked first: rows that come meanwhile then count as unknown
    const examples: Example[] = [];
    let vectors = new Float32Array((await store.count()) * dims);
    for await (const batch of store.scan()) {
      for (const { vector, ...example } of batch) {
        const end = (examples.length + 1) * dims;
        if (end > vectors.length) vectors = grown(vectors, end); // another process added rows since the count
        vectors.set(vector, examples.length * dims);
        examples.push(example);
      }
    }
    const rows = examples.length;
    const search = await ExactSearch.create(vectors.subarray(0, rows * dims), { rows, dims, metric });
    const numbers = new Map(examples.map(({ id }, number) => [id, number]));
    return new LoadedRows(search, dims, new Map(examples.entries()), numbers, version);
  }

  /** Of the table when it held these rows. */
  get version(): number {
    return this.at;
  }

  get size(): number {
    return this.examples.size;
  }

  /** In order of first appearance. */
  get labels(): readonly string[] {
    return (this.known ??= [...new Set([...this.examples.values()].map(({ label }) => label))]);
  }

  /**
   * The k nearest rows of each query that pass the filter, nearest first, among equals the one stored first.
   *
   * @param queries [Q,P]
   */
  async nearest(queries: Float32Array, k: number, filter?: Filter): Promise<NearRow[][]> {
    const { examples } = this;
    const allow = filter && ((row: number): boolean => matches(filter, examples.get(row)!));
    const found = await this.search.search(queries, k, allow && { allow });
    return found.map((neighbours) =>
      neighbours.map(({ row, distance }) => ({ example: examples.get(row)!, distance })),
    );
  }

  /** Follows an upsert of `rows` into the table, which is at `version` now. */
  upsert(rows: readonly StoredRow[], version: number): void {
    const examples = new Map(this.examples);
    const fresh = lastOfEach(rows);
    const known = fresh.filter(({ id }) => this.numbers.has(id));
    const added = fresh.filter(({ id }) => !this.numbers.has(id));
    this.search.replace(
      known.map(({ id }) => this.numbers.get(id)!),
      this.matrix(known),
    );
    const first = this.search.append(this.matrix(added));
    added.forEach(({ id }, i) => this.numbers.set(id, first + i));
    for (const { id, input, label, metadata } of fresh) {
      // As the table gives it back, and not the caller's own object.
      const example = { id, input, label, metadata: parseMetadata(metadataText(metadata)) };
      examples.set(this.numbers.get(id)!, example);
    }
    this.become(examples, version);
  }

  /** Follows the removal of `ids` from the table, which is at `version` now. */
  remove(ids: readonly string[], version: number): void {
    const examples = new Map(this.examples);
    const gone = ids.flatMap((id) => this.numbers.get(id) ?? []);
    this.search.remove(gone);
    for (const number of gone) examples.delete(number);
    for (const id of ids) this.numbers.delete(id);
    this.become(examples, version);
  }

  private become(examples: ReadonlyMap<number, Example>, version: number): void {
    [this.examples, this.at, this.known] = [examples, version, undefined];
  }

  /** [n,P] */
  private matrix(rows: readonly StoredRow[]): Float32Array {
    const out = new Float32Array(rows.length * this.dims);
    rows.forEach(({ vector }, i) => {
      out.set(vector, i * this.dims);
    });
    return out;
  }
}

function grown(values: Float32Array, size: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.max(size, values.length * 2));
  out.set(values);
  return out;
}
