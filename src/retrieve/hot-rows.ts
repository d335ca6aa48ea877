/** The vectors that are searched, in memory: they can grow and shrink while searches are under way. */

/**
 * Rows that lie together. Numbers ascend within a segment and from one to the next. Rows in use never change, so that whoever took
 * a segment from the list goes on with the rows of that moment: only places behind `count` are written.
 */
export interface Segment {
  /** [capacity,P] */
  readonly vectors: Float32Array;
  /** Squared length of each row. */
  readonly squares: Float64Array;
  /** The number each row is known by. */
  readonly numbers: Float64Array;
  /** 0 for a removed row. */
  readonly alive: Uint8Array;
  /** Rows in use, removed ones included. */
  count: number;
  readonly removed: number;
}

const SMALLEST_SEGMENT = 256;
/** What replacing one row copies, and what a search scores in one product: rows that stay in cache while they are gone through. */
export const LARGEST_SEGMENT = 16_384;

/** Axes: n rows of P. Rows are numbered in the order in which they come, and keep their number for good. */
export class HotRows {
  /** Never changed in place, so that a search may go on over the list it began with. */
  private list: readonly Segment[] = [];
  private next = 0;
  private longest = 0;
  private shortest = Infinity;

  constructor(readonly dims: number) {}

  get segments(): readonly Segment[] {
    return this.list;
  }

  /** Rows there are now. */
  get size(): number {
    return this.list.reduce((sum, { count, removed }) => sum + count - removed, 0);
  }

  /** At least the largest and at most the smallest squared length of a row that is not zero. */
  get squareRange(): readonly [shortest: number, longest: number] {
    return [this.shortest, this.longest];
  }

  /** Takes over `vectors` [n,P] as they are, in segments that share their memory; they must not change afterwards. */
  adopt(vectors: Float32Array): void {
    const step = LARGEST_SEGMENT * this.dims;
    const adopted: Segment[] = [];
    for (let start = 0; start < vectors.length; start += step) {
      const segment = this.segment(vectors.subarray(start, start + step));
      this.fill(segment, segment.numbers.length);
      adopted.push(segment);
    }
    this.list = [...this.list, ...adopted];
  }

  /** Copies `vectors` [n,P] and returns the number of the first. Segments double, so that a row is copied once. */
  append(vectors: Float32Array): number {
    const { dims, next: first } = this;
    const rows = vectors.length / dims;
    for (let done = 0; done < rows;) {
      const segment = this.room(rows - done);
      const take = Math.min(rows - done, segment.numbers.length - segment.count);
      segment.vectors.set(vectors.subarray(done * dims, (done + take) * dims), segment.count * dims);
      this.fill(segment, take);
      done += take;
    }
    return first;
  }

  /** Returns how many of the numbers there were. A segment is rewritten once half of it is gone. */
  remove(numbers: Iterable<number>): number {
    const removals = new Map<Segment, Set<number>>();
    let removed = 0;
    for (const number of numbers) {
      const place = this.find(number);
      if (place === undefined) continue;
      const gone = removals.get(place.segment) ?? new Set<number>();
      if (!gone.has(place.at)) removed++;
      removals.set(place.segment, gone.add(place.at));
    }
    this.list = this.list
      .map((segment) => without(segment, removals.get(segment)))
      .map((segment) => (segment.removed * 2 > segment.count ? this.compact(segment) : segment))
      .filter(({ count }) => count > 0);
    return removed;
  }

  /** Gives rows other vectors, [n,P] in the order of `numbers`; ignores numbers that are not there. Their segments are copied. */
  replace(numbers: readonly number[], vectors: Float32Array): void {
    const copies = new Map<Segment, Segment>();
    numbers.forEach((number, i) => {
      const place = this.find(number);
      if (place === undefined) return;
      const { segment, at } = place;
      const copy = copies.get(segment) ?? {
        ...segment,
        vectors: segment.vectors.slice(),
        squares: segment.squares.slice(),
      };
      copies.set(segment, copy);
      copy.vectors.set(vectors.subarray(i * this.dims, (i + 1) * this.dims), at * this.dims);
      copy.squares[at] = this.measure(copy.vectors, at);
    });
    this.list = this.list.map((segment) => copies.get(segment) ?? segment);
  }

  /** Where a row is; undefined when it is not there. */
  private find(number: number): { readonly segment: Segment; readonly at: number } | undefined {
    const segment = this.list.find(({ numbers, count }) => count > 0 && number <= numbers[count - 1]!);
    const at = segment === undefined ? -1 : indexOf(segment, number);
    return segment?.alive[at] === 1 ? { segment, at } : undefined;
  }

  private segment(vectors: Float32Array): Segment {
    const capacity = vectors.length / this.dims;
    return {
      vectors,
      squares: new Float64Array(capacity),
      numbers: new Float64Array(capacity),
      alive: new Uint8Array(capacity),
      count: 0,
      removed: 0,
    };
  }

  /** The last segment if it has room, else a new one. */
  private room(wanted: number): Segment {
    const last = this.list.at(-1);
    const capacity = last?.numbers.length ?? 0;
    if (last !== undefined && last.count < capacity) return last;
    const rows = Math.min(LARGEST_SEGMENT, Math.max(SMALLEST_SEGMENT, 2 * capacity, wanted));
    const segment = this.segment(new Float32Array(rows * this.dims));
    this.list = [...this.list, segment];
    return segment;
  }

  /** Brings the next `rows` rows, whose vectors are in place, into use. */
  private fill(segment: Segment, rows: number): void {
    for (let i = segment.count; i < segment.count + rows; i++) {
      segment.squares[i] = this.measure(segment.vectors, i);
      segment.numbers[i] = this.next++;
      segment.alive[i] = 1;
    }
    segment.count += rows;
  }

  /** Squared length of row `i`, which may widen {@link squareRange}. */
  private measure(vectors: Float32Array, i: number): number {
    const { dims } = this;
    let square = 0;
    for (let j = i * dims; j < (i + 1) * dims; j++) square += vectors[j]! ** 2;
    this.longest = Math.max(this.longest, square);
    if (square > 0) this.shortest = Math.min(this.shortest, square);
    return square;
  }

  private compact(segment: Segment): Segment {
    const { dims } = this;
    const left = segment.count - segment.removed;
    const out = this.segment(new Float32Array(left * dims));
    for (let i = 0; i < segment.count; i++) {
      if (segment.alive[i] !== 1) continue;
      out.vectors.set(segment.vectors.subarray(i * dims, (i + 1) * dims), out.count * dims);
      out.squares[out.count] = segment.squares[i]!;
      out.numbers[out.count] = segment.numbers[i]!;
      out.alive[out.count] = 1;
      out.count++;
    }
    return out;
  }
}

function without(segment: Segment, places: ReadonlySet<number> | undefined): Segment {
  if (places === undefined) return segment;
  const alive = segment.alive.slice();
  for (const at of places) alive[at] = 0;
  return { ...segment, alive, removed: segment.removed + places.size };
}

/** Place of `number` among the ascending numbers of a segment, −1 when it is not there. */
function indexOf({ numbers, count }: Segment, number: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === number ? low : -1;
}
