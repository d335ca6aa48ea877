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
  /** In which neighbours vote, and how many, where that is not for the examples to do. */
  readonly vote: { readonly space: Space; readonly voters?: number } | undefined;
  /**
   * In which examples are chosen when so many labels are asked for: rival labels are among them by that rule, so that the space need not
   * see to it.
   */
  readonly underFloor: Space;
  /** In which labels had no say, as far as there is one: where a label is wrong, its row lies among those that it is like. */
  readonly plain: Space;
}

/** In which examples are chosen. @param policy nothing, for the nearest */
export const chosenIn = (
  { selection, underFloor }: Spaces,
  policy: { readonly minLabels?: number | undefined } | undefined,
): Space => (policy?.minLabels === undefined ? selection : underFloor);

const asIs = (vectors: Float32Array): Float32Array => vectors;
export const STORED: Space = { queries: asIs, rows: asIs };

export function spacesOf({ metric, reducer, auto }: Pick<Manifest, 'metric' | 'reducer' | 'auto'>): Spaces {
  if (reducer.kind !== 'blend')
    return { metric, selection: STORED, vote: undefined, underFloor: STORED, plain: STORED };
  const { supervised, unsupervised, shares } = reducer;
  const parts = { supervised, unsupervised: unsupervised.dims };
  const at = (share: number): Space => {
    if (share === STORED_SHARE) return STORED;
    return {
      queries: (vectors) => queriesAt(share, vectors, parts),
      rows: (vectors) => rowsAt(share, vectors, parts),
    };
  };
  const choice = auto?.choice;
  const [selection, space] = [at(shares.selection), at(shares.vote)];
  const voting = { space, ...(choice && { voters: choice.voters }) };
  return {
    ...{ metric: 'product', selection, underFloor: choice ? space : selection, plain: at(0) },
    vote: choice || shares.vote !== shares.selection ? voting : undefined,
  };
}
