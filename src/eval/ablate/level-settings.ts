/** From the levels of factors to the settings that features, reduction and engine take. */
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { Modality } from '../../core/item.js';
import { featureSpec, type FeatureOptions } from '../../features/spec.js';
import { DINO_DEFAULTS, type DinoHeads } from '../../losses/dino.js';
import { KL_DEFAULTS } from '../../losses/kl.js';
import { SIMCLR_DEFAULTS } from '../../losses/simclr.js';
import { ENTRIES, type Entries } from '../../reduce/random-matrix.js';
import type { Augmentation } from '../../views/crops.js';
import type { KnnReducer } from '../classify/knn-reducers.js';
import type { FeatureVariant, LossInput } from '../features/feature-rows.js';
import { parseFeatureSets, type FeatureSet } from '../features/feature-sets.js';
import type { AblatedLoss } from './losses.js';
import type { Values } from './factors.js';

/** What is the same at all levels unless a factor says otherwise. */
export interface AblationBase {
  /** What the encoder reads: losses and their defaults follow from it. @default 'text' */
  readonly modality?: Modality;
  /** Whose gradient is varied. */
  readonly loss: AblatedLoss;
  /** Sets to judge by, where `features` is no factor. */
  readonly features: readonly string[];
  readonly mode?: 'paper' | 'reference' | undefined;
  readonly projection?: 'nystrom' | 'khatri-rao' | 'dense' | undefined;
  /** P */
  readonly dims: number;
  /** The engine's target, by its name among the levels. */
  readonly layer: string;
}

export interface LevelSettings {
  readonly modality: Modality;
  readonly variant: FeatureVariant;
  readonly sets: readonly FeatureSet[];
  readonly reducer: KnnReducer;
  readonly dims: number;
  readonly layer: string;
}

/**
 * @param values as `parseFactors` reads them
 * @throws {FungiError} INVALID_ARGUMENT for settings that contradict each other
 */
export function levelSettings(values: Values, base: AblationBase): LevelSettings {
  const sets = parseFeatureSets(values.features === undefined ? base.features : [values.features]);
  const names = [...new Set(sets.flatMap(({ losses }) => losses))];
  const varied = lossInput(values, base.loss);
  const mode = (values.mode ?? base.mode) as FeatureOptions['mode'];
  const settings = { ...(mode !== undefined && { mode }), projection: projectionOf(values, base) };
  // Of the varied loss whether a set has it or not: a level that cannot be is refused.
  const { modality = 'text' } = base;
  featureSpec({ ...settings, losses: [varied] }, modality);
  return {
    modality,
    variant: { losses: names.map((name) => (name === base.loss ? varied : { name })), settings },
    sets,
    reducer: (values.reducer ?? 'pca') as KnnReducer,
    dims: numberOf(values.dims) ?? base.dims,
    layer: values.layer ?? base.layer,
  };
}

/**
 * What each factor is where no level says otherwise.
 *
 * @param width D, that of a random projection
 */
export function defaultValues(
  { modality, loss, features, mode, projection, dims, layer }: AblationBase,
  common: Values,
  width: number,
): Values {
  const [spec] = featureSpec({ losses: [{ name: loss }] }, modality).losses;
  const { head, normalise, latent } = { kl: KL_DEFAULTS, simclr: SIMCLR_DEFAULTS, dino: DINO_DEFAULTS }[loss];
  const { projection: kind } = featureSpec({ projection: projectionOf(common, { projection }) });
  const landmarks = kind.kind === 'nystrom' ? kind.landmarks : undefined;
  return {
    head,
    normalise: String(normalise),
    latent: String(spec!.latent ?? latent),
    ...('temperature' in spec! && { temperature: String(spec.temperature) }),
    weight: String(spec!.weight),
    ...(spec!.name === 'simclr' && {
      views: String(spec!.views),
      ...('deletion' in spec! && { deletion: String(spec.deletion) }),
      negatives: String(spec!.negativeItems),
    }),
    ...(spec!.name === 'dino' && { heads: spec!.heads, augmentation: spec!.augmentation ?? 'crops' }),
    projection: kind.kind === 'dense' ? (kind.entries ?? 'binary') : kind.kind,
    width: String(landmarks ?? width),
    mode: mode ?? 'paper',
    layer,
    reducer: 'pca',
    dims: String(dims),
    features: features[0]!,
    ...common,
  };
}

function lossInput(values: Values, loss: AblatedLoss): LossInput {
  const shared = defined({
    head: values.head as 'linear' | 'none' | undefined,
    normalise: values.normalise === undefined ? undefined : values.normalise === 'true',
    latent: numberOf(values.latent),
    weight: numberOf(values.weight),
  });
  if (loss === 'dino') {
    const heads = values.heads as DinoHeads | undefined;
    const augmentation = values.augmentation as Augmentation | undefined;
    return { name: 'dino', ...shared, ...defined({ heads, augmentation }) };
  }
  const temperature = numberOf(values.temperature);
  if (loss === 'kl') return { name: 'kl', ...shared, ...defined({ temperature }) };
  const own = defined({
    temperature,
    views: numberOf(values.views),
    deletion: numberOf(values.deletion),
    negativeItems: numberOf(values.negatives),
  });
  return { name: 'simclr', ...shared, ...own };
}

function projectionOf(
  { projection, width }: Pick<Values, 'projection' | 'width'>,
  base: Pick<AblationBase, 'projection'>,
): NonNullable<FeatureOptions['projection']> {
  const size = numberOf(width);
  const kind = projection ?? base.projection ?? 'nystrom';
  if (kind === 'nystrom') return { kind, ...(size !== undefined && { landmarks: size }) };
  const wide = size === undefined ? {} : { width: size };
  if (kind === 'khatri-rao') return { kind, ...wide };
  return { kind: 'dense', ...wide, entries: kind === 'dense' ? 'binary' : (kind as Entries) };
}

/**
 * All that decides what features a set has: equal keys, equal features. Weights are left out where the block is the only one, since
 * they change its length alone.
 */
export function featuresKey(settings: LevelSettings, { losses, embedding }: FeatureSet): string {
  const { modality, variant, layer } = settings;
  const spec = featureSpec({ ...variant.settings, losses: [...variant.losses] }, modality);
  const own = spec.losses.filter(({ name }) => losses.includes(name));
  const single = own.length + Number(embedding) === 1;
  return fingerprint({
    embedding,
    losses: own.map((loss) => ({ ...loss, weight: single ? 1 : loss.weight })) as unknown as Json,
    // Nothing of these is in an embedding.
    ...(own.length > 0 && { projection: spec.projection as unknown as Json, mode: spec.mode, layer }),
  });
}

/** All that decides a set's accuracy. */
export const runKey = (settings: LevelSettings, set: FeatureSet): string =>
  fingerprint({
    features: featuresKey(settings, set),
    reducer: settings.reducer,
    dims: settings.reducer === 'none' ? null : settings.dims,
  });

/**
 * The most features that a set can have: as many as it has, unless landmarks span less than there are.
 *
 * @param width D
 * @param pool n, least of all pools
 */
export function mostFeatures({ variant }: LevelSettings, set: FeatureSet, width: number, pool: number): number {
  const { projection } = featureSpec({ ...variant.settings });
  const block = projection.kind === 'nystrom' ? Math.min(projection.landmarks, pool) : (projection.width ?? width);
  return set.losses.length * block + (set.embedding ? width : 0);
}

/**
 * Refuses a random projection that would reduce nothing.
 *
 * @param width F
 * @throws {FungiError} INVALID_ARGUMENT when F is at most P
 */
export function assertReducible({ reducer, dims }: LevelSettings, { name }: FeatureSet, width: number): void {
  if (!isEntries(reducer) || width > dims) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `reducer=${reducer} has nothing to reduce: "${name}" has ${width} features, and ${dims} dimensions are asked for`,
    { hint: `Give --dims fewer than ${width}.` },
  );
}

const isEntries = (reducer: KnnReducer): reducer is Entries => ENTRIES.some((entries) => entries === reducer);
const numberOf = (level: string | undefined): number | undefined => (level === undefined ? undefined : Number(level));

/** The members that are there, so that defaults apply to the others. */
const defined = <T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
