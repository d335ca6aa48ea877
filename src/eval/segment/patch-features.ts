/** What a patch is compared by. */
import type { GradientEngine } from '../../engine/engine.js';
import { norm } from '../../features/layout.js';
import type { EncodedPictures } from './picture-tokens.js';

export interface PatchFeatures {
  /** P */
  readonly dims: number;
  /** Features of all patches at unit length, picture by picture, row by row [pictures·patches,P]. */
  of(encoded: EncodedPictures): Promise<Float32Array>;
}

/** A patch's last state. */
export async function patchEmbedding(engine: GradientEngine): Promise<PatchFeatures> {
  const program = await engine.program({});
  const { dims } = engine.info;
  return {
    dims,
    async of({ states, patches }) {
      const places = patches.flat().map((place) => [place]);
      return toUnitLength((await program.run(states, places)).pooled, dims);
    },
  };
}

/** Each row [n,P] divided by its length, in place; a zero row stays. */
export function toUnitLength(rows: Float32Array, dims: number): Float32Array {
  for (let at = 0; at < rows.length; at += dims) {
    const row = rows.subarray(at, at + dims);
    const length = norm(row) || 1;
    row.forEach((value, i) => (row[i] = value / length));
  }
  return rows;
}
