/** A reduced vector as a sum over blocks of columns: what is linear in a row is the sum of what it makes of the row's parts. */

/** Columns of a row [F]. */
export interface Columns {
  readonly start: number;
  readonly width: number;
}

/**
 * Each row once for each block: with the block's own columns, and `mean` in all others. Less the mean, a row is the sum of these.
 *
 * @param rows [n,F]
 * @param blocks Bk of them, which share no column
 * @param mean [F]
 * @returns [n·Bk,F]
 */
export function rowsByBlock(rows: Float32Array, blocks: readonly Columns[], mean: Float32Array): Float32Array {
  const F = mean.length;
  const out = new Float32Array(rows.length * blocks.length);
  for (let row = 0, to = 0; row < rows.length; row += F) {
    for (const { start, width } of blocks) {
      out.set(mean, to);
      out.set(rows.subarray(row + start, row + start + width), to + start);
      to += F;
    }
  }
  return out;
}

/** Of each block the columns that lie in `first` … `first + count`, counted from there. */
export const columnsWithin = (blocks: readonly Columns[], first: number, count: number): Columns[] =>
  blocks.map(({ start, width }) => {
    const from = Math.min(Math.max(start, first), first + count);
    const to = Math.min(Math.max(start + width, first), first + count);
    return { start: from - first, width: to - from };
  });

/** Parts of items [n,Bk,P], scaled in place so that each item's sum over its blocks is of length `length`; where that is zero they stay. */
export function scaleSums(parts: Float32Array, blocks: number, dims: number, length: number): Float32Array {
  const size = blocks * dims;
  for (let item = 0; item < parts.length; item += size) {
    let square = 0;
    for (let j = item; j < item + dims; j++) {
      let sum = 0;
      for (let at = j; at < item + size; at += dims) sum += parts[at]!;
      square += sum * sum;
    }
    if (square === 0) continue;
    const by = length / Math.sqrt(square);
    for (let at = item; at < item + size; at++) parts[at]! *= by;
  }
  return parts;
}
