/** What a patch is compared by. */
import type { GradientEngine } from '../../engine/engine.js';
import { norm } from '../../features/layout.js';
import type { EncodedPictures } from './picture-tokens.js';

export interface PatchFeatures {
  /** P */
  readonly dims: number;
  /** Features of all patches at unit length, picture by picture, row by row [pictures·patches,P]. They must not be changed. */
  of(encoded: EncodedPictures): Promise<Float32Array>;
}

/** A patch's last state, at unit length. */
export async function patchEmbedding(engine: GradientEngine): Promise<PatchFeatures> {
  const states = await patchStates(engine);
  const { dims } = states;
  return computedOnce({ dims, of: async (encoded) => toUnitLength(await states.of(encoded), dims) });
}

/** A patch's last state, as long as it is. */
export async function patchStates(engine: GradientEngine): Promise<PatchFeatures> {
  const program = await engine.program({});
  return {
    dims: engine.info.dims,
    async of({ states, patches }) {
      const places = patches.flat().map((place) => [place]);
      return (await program.run(states, places)).pooled;
    },
  };
}

/** Several features side by side, of the same length each (paper equation 8). */
export function joined(parts: readonly PatchFeatures[]): PatchFeatures {
  const dims = parts.reduce((sum, part) => sum + part.dims, 0);
  return {
    dims,
    async of(encoded) {
      const blocks: Float32Array[] = [];
      for (const part of parts) blocks.push(await part.of(encoded));
      const rows = new Float32Array((blocks[0]!.length / parts[0]!.dims) * dims);
      let start = 0;
      blocks.forEach((block, p) => {
        const width = parts[p]!.dims;
        for (let row = 0; row * width < block.length; row++)
          rows.set(block.subarray(row * width, (row + 1) * width), row * dims + start);
        start += width;
      });
      return toUnitLength(rows, dims);
    },
  };
}

/** Features of a window are computed once, however many ask for them. */
export function computedOnce(features: PatchFeatures): PatchFeatures {
  const known = new WeakMap<EncodedPictures, Promise<Float32Array>>();
  return {
    dims: features.dims,
    of(encoded) {
      const rows = known.get(encoded) ?? features.of(encoded);
      known.set(encoded, rows);
      return rows;
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
