/** The spaces that an index is searched in. Most have one, that of the stored rows; of a blend there is one for each share. */
import { queriesAt, rowsAt, STORED_SHARE } from '../reduce/shares.js';
import type { SearchMetric } from '../retrieve/distance.js';
import type { Manifest } from '../store/manifest.js';

/** Takes vectors as they are stored. */
export interface Space {
  /** What stored rows are searched with [q,P]. */
  readonly queries: (vectors: Float32Array) => Float32Array;
  /** How rows lie among each other [n,P]. */
  readonly rows: (vectors: Float32Array) => Float32Array;
}

export interface Spaces {
  /** Between the queries of any of these spaces and the stored rows. */
  readonly metric: SearchMetric;
  /** In which examples are chosen. */
  readonly selection: Space;
  /** In which neighbours vote, where it is another. */
  readonly vote: Space | undefined;
}

const asIs = (vectors: Float32Array): Float32Array => vectors;
export const STORED: Space = { queries: asIs, rows: asIs };

export function spacesOf({ metric, reducer }: Pick<Manifest, 'metric' | 'reducer'>): Spaces {
  if (reducer.kind !== 'blend') return { metric, selection: STORED, vote: undefined };
  const { supervised, unsupervised, shares } = reducer;
  const parts = { supervised, unsupervised: unsupervised.dims };
  const at = (share: number): Space => {
    if (share === STORED_SHARE) return STORED;
    return {
      queries: (vectors) => queriesAt(share, vectors, parts),
      rows: (vectors) => rowsAt(share, vectors, parts),
    };
  };
  const { selection, vote } = shares;
  return { metric: 'product', selection: at(selection), vote: vote === selection ? undefined : at(vote) };
}
