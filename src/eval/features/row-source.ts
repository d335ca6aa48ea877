/** Feature rows that are read in pieces: tens of thousands of them need not be in memory at once. */

export interface RowSource {
  /** n */
  readonly count: number;
  /** F */
  readonly width: number;
  /** Rows start … end − 1, [end − start,F]. */
  read(start: number, end: number): Promise<Float32Array>;
}

/** Rows read at once: 12 MiB of the widest features there are. */
const PIECE = 2048;

/** All rows in order, a piece at a time. */
export async function* pieces(source: RowSource): AsyncGenerator<Float32Array> {
  for (let start = 0; start < source.count; start += PIECE) {
    yield source.read(start, Math.min(source.count, start + PIECE));
  }
}

/** @param rows [n,width], not copied */
export const rowsInMemory = (rows: Float32Array, width: number): RowSource => ({
  count: rows.length / width,
  width,
  read: (start, end) => Promise.resolve(rows.subarray(start * width, end * width)),
});

/** Runs `map` on each piece and joins what it gives, [n,P]. @param width P */
export async function gather(
  source: RowSource,
  width: number,
  map: (piece: Float32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  const out = new Float32Array(source.count * width);
  let at = 0;
  for await (const piece of pieces(source)) {
    const mapped = await map(piece);
    out.set(mapped, at);
    at += mapped.length;
  }
  return out;
}
