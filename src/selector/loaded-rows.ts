/** The rows of an open index in memory. Brought up to date change by change, they are what reading the table again would give. */
import type { Example } from '../core/item.js';
import type { Rng } from '../core/rng.js';
import { Bm25Index } from '../policies/bm25.js';
import type { Candidate } from '../policies/candidate.js';
import { distanceBetween, type SearchMetric } from '../retrieve/distance.js';
import { ExactSearch } from '../retrieve/exact-search.js';
import { matches, type Filter } from '../store/filter.js';
import { lastOfEach, metadataText, parseMetadata } from '../store/rows.js';
import type { ExampleStore, StoredRow } from '../store/store.js';
import { STORED, type Space } from './spaces.js';

/** A row near a query. */
export interface NearRow {
  readonly example: Example;
  readonly distance: number;
}

export interface SearchOptions {
  readonly filter?: Filter | undefined;
  /** In which rows are compared. @default that of the stored rows */
  readonly space?: Space;
}

export interface CandidateOptions extends SearchOptions {
  /** Rows beside the filter's. */
  readonly allow?: ((candidate: Pick<Candidate, 'row' | 'example'>) => boolean) | undefined;
}

export class LoadedRows {
  /** Found when they are first asked for after a change. */
  private known: readonly string[] | undefined;
  /** Made for the first query that words count for. */
  private words: Bm25Index | undefined;

  private constructor(
    private readonly search: ExactSearch,
    private readonly metric: SearchMetric,
    private readonly vectors: Vectors,
    /** By number of the search, in insertion order. Copied by a change: a search that is under way keeps those it began with. */
    private examples: ReadonlyMap<number, Example>,
    /** Number of each id. */
    private readonly numbers: Map<string, number>,
    private at: number,
  ) {}

  static async load(store: ExampleStore, metric: SearchMetric): Promise<LoadedRows> {
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
    const known = new Vectors(vectors.subarray(0, rows * dims), dims);
    return new LoadedRows(search, metric, known, new Map(examples.entries()), numbers, version);
  }

  /** Of the table when it held these rows. */
  get version(): number {
    return this.at;
  }

  get size(): number {
    return this.examples.size;
  }

  /** In insertion order. */
  all(): Example[] {
    return [...this.examples.values()];
  }

  /** In order of first appearance. */
  get labels(): readonly string[] {
    return (this.known ??= [...new Set([...this.examples.values()].map(({ label }) => label))]);
  }

  /**
   * The k nearest rows of each query that pass the filter, nearest first, among equals the one stored first.
   *
   * @param queries in stored form [Q,P]
   */
  async nearest(queries: Float32Array, k: number, options: SearchOptions = {}): Promise<NearRow[][]> {
    const { filter, space = STORED } = options;
    const { examples } = this;
    const allow = filter && ((row: number): boolean => matches(filter, examples.get(row)!));
    const found = await this.search.search(space.queries(queries), k, allow && { allow });
    return found.map((neighbours) =>
      neighbours.map(({ row, distance }) => ({ example: examples.get(row)!, distance: fromZero(distance) })),
    );
  }

  /**
   * The c nearest rows of each query that pass the filter, with their vectors in that space.
   *
   * @param queries in stored form [Q,P]
   */
  async candidates(queries: Float32Array, c: number, options: CandidateOptions = {}): Promise<Candidate[][]> {
    const { filter, allow, space = STORED } = options;
    const { examples, vectors } = this;
    const of = vectors.snapshot();
    const isLimited = filter !== undefined || allow !== undefined;
    const limits = isLimited ? { allow: admitted(examples, filter, allow) } : {};
    const found = await this.search.search(space.queries(queries), c, limits);
    return found.map((neighbours) =>
      neighbours.map(({ row, distance }) => ({
        ...{ row, distance: fromZero(distance) },
        ...{ example: examples.get(row)!, vector: space.rows(of(row)) },
      })),
    );
  }

  /**
   * The c rows that share most words with a text, by BM25, with their distances from its feature.
   *
   * @param query in stored form [P]
   */
  wordMatches(text: string, query: Float32Array, c: number, options: CandidateOptions = {}): Candidate[] {
    const { filter, allow, space = STORED } = options;
    const { examples, metric } = this;
    const own = space.queries(query);
    this.words ??= new Bm25Index([...examples].map(([number, { input }]) => [number, input]));
    const of = this.vectors.snapshot();
    return this.words.search(text, c, admitted(examples, filter, allow)).map(({ row, score }) => {
      const vector = of(row);
      const distance = fromZero(distanceBetween(own, vector, metric));
      return { row, distance, example: examples.get(row)!, vector: space.rows(vector), words: score };
    });
  }

  /** The row of an id, with a copy of its vector. */
  find(id: string): StoredRow | undefined {
    const number = this.numbers.get(id);
    const example = number === undefined ? undefined : this.examples.get(number);
    return example && { ...example, vector: this.vectors.snapshot()(number!).slice() };
  }

  /** So many rows at random, or all, in insertion order. */
  sample(count: number, rng: Rng): { readonly example: Example; readonly vector: Float32Array }[] {
    const of = this.vectors.snapshot();
    const all = [...this.examples];
    const drawn =
      count >= all.length
        ? all
        : rng
            .sample(all.length, count)
            .sort((a, b) => a - b)
            .map((i) => all[i]!);
    return drawn.map(([number, example]) => ({ example, vector: of(number) }));
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
    this.vectors.set(fresh.map(({ id, vector }) => [this.numbers.get(id)!, vector]));
    for (const { id, input } of fresh) this.words?.set(this.numbers.get(id)!, input);
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
    this.vectors.delete(gone);
    for (const number of gone) {
      examples.delete(number);
      this.words?.delete(number);
    }
    for (const id of ids) this.numbers.delete(id);
    this.become(examples, version);
  }

  private become(examples: ReadonlyMap<number, Example>, version: number): void {
    [this.examples, this.at, this.known] = [examples, version, undefined];
  }

  /** [n,P] */
  private matrix(rows: readonly StoredRow[]): Float32Array {
    const { dims } = this.vectors;
    const out = new Float32Array(rows.length * dims);
    rows.forEach(({ vector }, i) => {
      out.set(vector, i * dims);
    });
    return out;
  }
}

/** Equal vectors of unit length have a product of 1 but for rounding. */
const fromZero = (distance: number): number => Math.max(0, distance);

function admitted(
  examples: ReadonlyMap<number, Example>,
  filter: Filter | undefined,
  allow: CandidateOptions['allow'],
): (row: number) => boolean {
  return (row) => {
    const example = examples.get(row);
    if (example === undefined || (filter !== undefined && !matches(filter, example))) return false;
    return allow === undefined || allow({ row, example });
  };
}

/** The vectors of the rows by number: those that were loaded lie where the search has them, later ones here too. */
class Vectors {
  /** Copied by a change, so that a search under way keeps those it began with. */
  private later: ReadonlyMap<number, Float32Array> = new Map();

  /** @param loaded [n,P] rows 0 to n − 1, which the search keeps: they do not change */
  constructor(
    private readonly loaded: Float32Array,
    readonly dims: number,
  ) {}

  /** Those of now, whatever changes later. */
  snapshot(): (number: number) => Float32Array {
    const { loaded, later, dims } = this;
    return (number) => later.get(number) ?? loaded.subarray(number * dims, (number + 1) * dims);
  }

  set(vectors: Iterable<readonly [number: number, vector: Float32Array]>): void {
    const later = new Map(this.later);
    for (const [number, vector] of vectors) later.set(number, vector.slice());
    this.later = later;
  }

  delete(numbers: Iterable<number>): void {
    const later = new Map(this.later);
    for (const number of numbers) later.delete(number);
    this.later = later;
  }
}

function grown(values: Float32Array, size: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.max(size, values.length * 2));
  out.set(values);
  return out;
}
