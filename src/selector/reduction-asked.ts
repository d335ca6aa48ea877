/** Which reduction was asked for, by what a manifest says of the one that was made. */
import { defaultShares } from '../reduce/shares.js';
import type { Manifest } from '../store/manifest.js';
import { DEFAULT_DIMS } from './options.js';
import type { IndexReduction } from './reduction.js';

/** Its kind: a PCA may stand in for it, and auto makes a blend. */
export function kindAsked({ reducer, auto }: Pick<Manifest, 'reducer' | 'auto'>): IndexReduction['kind'] {
  if (auto !== undefined) return 'auto';
  return (reducer.kind === 'pca' ? reducer.instead?.of : undefined) ?? reducer.kind;
}

/**
 * What left no trace has its default: the time of auto, P where there were too few rows for a PCA, a shrinkage and shares where labels told
 * nothing.
 */
export function reductionAsked(manifest: Pick<Manifest, 'reducer' | 'auto' | 'rows'>): {
  readonly reducer: IndexReduction;
  /** P, at most. */
  readonly dims: number;
} {
  const { reducer, rows } = manifest;
  const kind = kindAsked(manifest);
  if (reducer.kind === 'none') return { reducer: { kind }, dims: DEFAULT_DIMS };
  if (reducer.kind === 'pca') {
    const { centredOnly, dims } = reducer;
    return { reducer: { kind }, dims: centredOnly ? Math.max(DEFAULT_DIMS, Math.min(rows, dims)) : dims };
  }
  const dims = reducer.limit;
  if (kind === 'auto') return { reducer: { kind }, dims };
  const { chosen, value } = reducer.shrinkage;
  const shrinkage = chosen === 'auto' ? chosen : value;
  if (reducer.kind === 'lda') return { reducer: { kind: 'lda', shrinkage }, dims };
  const { shares, supervised } = reducer;
  const usual = defaultShares(supervised); // it may be another one with more labels
  const isUsual = shares.selection === usual.selection && shares.vote === usual.vote;
  return { reducer: { kind: 'blend', shrinkage, ...(!isUsual && { shares }) }, dims };
}
