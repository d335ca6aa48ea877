/** Feature rows made of block files: what a feature set takes of each text. */
import type { Item } from '../../core/item.js';
import type { BlockFile } from './block-file.js';
import type { RowSource } from './row-source.js';

/** Rows of several blocks side by side, each at its weight. */
export function joined(
  items: readonly Item[],
  parts: readonly { readonly file: BlockFile; readonly weight: number }[],
): RowSource {
  const width = parts.reduce((sum, { file }) => sum + file.width, 0);
  return {
    count: items.length,
    width,
    async read(start, end) {
      const out = new Float32Array((end - start) * width);
      let at = 0;
      for (const { file, weight } of parts) {
        await file.read(items.slice(start, end), out, at, width);
        if (weight !== 1) scale(out, { at, count: file.width, stride: width, by: weight });
        at += file.width;
      }
      return out;
    },
  };
}

function scale(
  rows: Float32Array,
  {
    at,
    count,
    stride,
    by,
  }: { readonly at: number; readonly count: number; readonly stride: number; readonly by: number },
): void {
  for (let from = at; from < rows.length; from += stride) {
    for (let j = from; j < from + count; j++) rows[j]! *= by;
  }
}
