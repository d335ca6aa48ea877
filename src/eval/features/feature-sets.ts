/** Feature sets by name: which blocks of a full feature row take part in a comparison. */
import { FungiError } from '../../core/errors.js';
import type { LossSpec } from '../../features/loss-spec.js';

export const LOSS_NAMES = [
  'kl',
  'simclr',
  'dino',
  'deepcluster',
  'ibot',
] as const satisfies readonly LossSpec['name'][];
export type LossName = (typeof LOSS_NAMES)[number];

export interface FeatureSet {
  /** As the user wrote it. */
  readonly name: string;
  readonly losses: readonly LossName[];
  /** False for `only:` sets. */
  readonly embedding: boolean;
  /** Which of the blocks take part is chosen on the pool, with the reduction and the voters. */
  readonly auto?: true;
}

const AUTO = 'auto:';

/**
 * `embedding`; `kl`, `simclr`, `kl+simclr`: with the embedding; `only:…`: the gradients alone; `auto`, `auto:kl+simclr`: whatever of them does best on
 * the pool, `auto` for `auto:kl`.
 *
 * @throws {FungiError} INVALID_ARGUMENT naming what there is
 */
export function parseFeatureSet(name: string): FeatureSet {
  if (name === 'embedding') return { name, losses: [], embedding: true };
  if (name === 'auto') return { ...parseFeatureSet('auto:kl'), name };
  if (name.startsWith(AUTO)) return { ...parseFeatureSet(name.slice(AUTO.length)), name, auto: true };
  const only = name.startsWith('only:');
  const losses = (only ? name.slice('only:'.length) : name).split('+').filter((part) => only || part !== 'embedding');
  const unknown = losses.find((loss) => !LOSS_NAMES.includes(loss as LossName));
  if (unknown !== undefined || losses.length === 0 || new Set(losses).size < losses.length) {
    throw new FungiError('INVALID_ARGUMENT', `"${name}" is not a feature set`, {
      hint: `Write embedding, ${LOSS_NAMES.join(', ')}, ${LOSS_NAMES.join('+')} (each with the embedding), or only:${LOSS_NAMES[0]}.`,
    });
  }
  return { name, losses: losses as LossName[], embedding: !only };
}

/**
 * Several sets to compare.
 *
 * @throws {FungiError} INVALID_ARGUMENT for one that is unknown, and for two that are the same
 */
export function parseFeatureSets(names: readonly string[]): FeatureSet[] {
  const sets = names.map(parseFeatureSet);
  const seen = new Map<string, string>();
  for (const { name, losses, embedding, auto = false } of sets) {
    const content = JSON.stringify([embedding, auto, [...losses].sort()]);
    const first = seen.get(content);
    if (first !== undefined) {
      const same = first === name ? `"${name}" is given twice` : `"${first}" and "${name}" are the same set`;
      throw new FungiError('INVALID_ARGUMENT', `feature sets: ${same}`, { hint: 'Name each set once.' });
    }
    seen.set(content, name);
  }
  return sets;
}

/**
 * For what has a reduction of its own.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a set that chooses its reduction
 */
export function assertNoAuto(sets: readonly FeatureSet[], what: string): void {
  const set = sets.find(({ auto }) => auto);
  if (set === undefined) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `"${set.name}" chooses features, reduction and voters, and ${what} takes features as they are`,
    {
      hint: `Name the features, e.g. ${set.losses.join('+')}; auto is for knn and compare.`,
    },
  );
}
