/** The settings of each loss, by what the encoder reads: the same loss compares other views of a text than of an image. */
import { z } from 'zod';
import type { Modality } from '../core/item.js';
import type { Artefacts, EngineInfo } from '../engine/engine.js';
import { classTokenGrid } from './class-token-grid.js';
import { HEADS, type Head } from '../losses/head.js';
import { deepCluster, DEEPCLUSTER_DEFAULTS, prototypesName } from '../losses/deepcluster.js';
import { dino, DINO_DEFAULTS, DINO_HEADS } from '../losses/dino.js';
import { ibot } from '../losses/ibot.js';
import { kl, KL_DEFAULTS } from '../losses/kl.js';
import type { Loss, Mode } from '../losses/loss.js';
import { simclr, SIMCLR_DEFAULTS } from '../losses/simclr.js';
import { noisyClips } from '../views/noise.js';
import { patches } from '../views/patches.js';
import { AUGMENTATIONS, randomCrops } from '../views/crops.js';
import { maskedCrops, maskedPatches } from '../views/masked-crops.js';
import { selfView, type ViewMaker } from '../views/view.js';
import { wordDeletion } from '../views/word-deletion.js';

const positive = z.number().positive();
const count = z.number().int().positive();

/** Forms of the head (paper Table 6). */
const headSettings = {
  head: z.enum(HEADS).optional(),
  /** Whether f(x) is brought to unit length before the head. */
  normalise: z.boolean().optional(),
  /** L of a linear head. */
  latent: count.optional(),
};

/** Length of the block beside the others'. */
const weight = positive.default(1);

const klSpec = z
  .strictObject({
    name: z.literal('kl'),
    temperature: positive.default(KL_DEFAULTS.temperature),
    ...headSettings,
    weight,
  })
  .transform(({ name, temperature, head, normalise, latent, ...rest }, issues) => ({
    ...{ name, temperature },
    ...headOf({ head, latent }, KL_DEFAULTS.latent, issues),
    ...rest,
    ...(normalise === false && { normalise }),
  }));

/** What SimCLR has of every modality, with its defaults there. */
const simclrShape = (defaults: { readonly negativeItems: number }) => ({
  name: z.literal('simclr'),
  temperature: positive.default(SIMCLR_DEFAULTS.temperature),
  ...headSettings,
  /** The negative batch: this many items of the pool, each in `negativeViews` views. */
  negativeItems: count.default(defaults.negativeItems),
});

interface SimClrSettings {
  readonly name: 'simclr';
  readonly temperature: number;
  readonly head?: Head | undefined;
  readonly normalise?: boolean | undefined;
  readonly latent?: number | undefined;
  readonly views: number;
  readonly negativeItems: number;
  readonly negativeViews: number;
}

/** @param width L of a head whose width is not given */
const settled =
  (width: number) =>
  <Settings extends SimClrSettings>(settings: Settings, issues: z.RefinementCtx) => {
    const { name, temperature, head, normalise, latent, views, negativeItems, negativeViews, ...rest } = settings;
    return {
      ...{ name, temperature },
      ...headOf({ head, latent }, width, issues),
      ...{ views, negativeItems, negativeViews },
      ...rest,
      // Without a head the latents, which always get unit length, are the features: bringing these to unit length before changes nothing.
      ...(normalise === true && head !== 'none' && { normalise }),
    };
  };

/** Paper Table 24: V = 12, each word deleted with p = 0.1, 256 × 2 negatives. */
const textSimclr = z
  .strictObject({
    ...simclrShape({ negativeItems: 256 }),
    /** V, positive views of an item. */
    views: count.min(2).default(SIMCLR_DEFAULTS.views),
    negativeViews: count.default(2),
    /** Share of the words that a view loses. */
    deletion: z.number().gt(0).lt(1).default(0.1),
    weight,
  })
  .transform(settled(SIMCLR_DEFAULTS.latent));

const square = count.refine(
  (value) => Number.isInteger(Math.sqrt(value)),
  'has to be a square: patches lie on a grid of as many rows as columns',
);

/** Paper Table 22: 49 overlapping patches, head 96, 256 × 49 negatives. */
const imageSimclr = z
  .strictObject({
    ...simclrShape({ negativeItems: 256 }),
    views: square.min(4).default(49),
    negativeViews: square.default(49),
    /** What views are. */
    augmentation: z.literal('patches').default('patches'),
    weight,
  })
  .transform(settled(96));

/** Paper Table 13: V = 16, head 768, 64 × 2 negatives. */
const audioSimclr = z
  .strictObject({
    ...simclrShape({ negativeItems: 64 }),
    views: count.min(2).default(16),
    negativeViews: count.default(2),
    /** Noise is uniform in 0 … noise·u, u uniform in 0 … 1 (equation 7: 1/10). */
    noise: positive.default(0.1),
    /** Views are rolled by up to this many frames in either direction. */
    roll: z.number().int().nonnegative().default(10),
    weight,
  })
  .transform(settled(768));

const share = z.number().gt(0).max(1);
/** Least and most of a picture's area that a crop shows. */
const area = z.tuple([share, share]).refine(([least, most]) => least <= most, 'has to be the least and the most');

/** What DINO and iBOT have: by default 2 crops of 0.25 to 1 of the area, 10 of 0.05 to 0.25, independent heads of 2048 (paper Table 22). */
const distillation = <Name extends string>(name: Name) => ({
  name: z.literal(name),
  studentTemperature: positive.default(DINO_DEFAULTS.studentTemperature),
  teacherTemperature: positive.default(DINO_DEFAULTS.teacherTemperature),
  ...headSettings,
  /** Whether student and teacher have a head each (Table 18). */
  heads: z.enum(DINO_HEADS).default(DINO_DEFAULTS.heads),
  /** Large crops, which the teacher sees too. */
  globals: count.default(DINO_DEFAULTS.globals),
  locals: z.number().int().nonnegative().default(DINO_DEFAULTS.locals),
  globalScale: area.default([0.25, 1]),
  localScale: area.default([0.05, 0.25]),
});

const dinoSpec = z
  .strictObject({
    ...distillation('dino'),
    /** What else is changed of a crop: nothing, or what DINO was trained with (Table 18). */
    augmentation: z.enum(AUGMENTATIONS).optional(),
    weight,
  })
  .transform(({ head, normalise, latent, augmentation, ...rest }, issues) => ({
    ...rest,
    ...headOf({ head, latent }, DINO_DEFAULTS.latent, issues),
    ...(normalise === false && { normalise }),
    ...(augmentation === 'standard' && { augmentation }),
  }));

/** Ours: the crops and heads of DINO. */
const ibotSpec = z
  .strictObject({
    ...distillation('ibot'),
    /** Share of a global crop's patches that are masked; iBOT draws it from 0.1 to 0.5. */
    masked: share.default(0.3),
    weight,
  })
  .transform(({ head, normalise, latent, ...rest }, issues) => ({
    ...rest,
    ...headOf({ head, latent }, DINO_DEFAULTS.latent, issues),
    ...(normalise === false && { normalise }),
  }));

/** The released code: 2 crops of 0.14 to 1 of the area, 6 of 0.05 to 0.14. */
const deepClusterSpec = z.strictObject({
  name: z.literal('deepcluster'),
  temperature: positive.default(DEEPCLUSTER_DEFAULTS.temperature),
  latent: count.default(DEEPCLUSTER_DEFAULTS.latent),
  sets: count.default(DEEPCLUSTER_DEFAULTS.sets),
  /** Of a set; as many as the pool has items, where those are fewer. */
  prototypes: count.default(DEEPCLUSTER_DEFAULTS.prototypes),
  globals: count.default(DEEPCLUSTER_DEFAULTS.globals),
  locals: z.number().int().nonnegative().default(DEEPCLUSTER_DEFAULTS.locals),
  globalScale: area.default([0.14, 1]),
  localScale: area.default([0.05, 0.14]),
  weight,
});

/**
 * Settings that came later are in a specification only where they are not the default, so that one written before them is the same
 * as one that spells them out, and has the same fingerprint.
 */
function headOf(
  { head, latent }: { readonly head?: Head | undefined; readonly latent?: number | undefined },
  width: number,
  issues: z.RefinementCtx,
): { readonly latent: number; readonly head?: never } | { readonly head: 'none'; readonly latent?: never } {
  if (head !== 'none') return { latent: latent ?? width };
  if (latent !== undefined)
    issues.addIssue({ code: 'custom', path: ['latent'], message: 'is the width of a head, and head is none' });
  return { head };
}

/** The losses that there are for what an encoder reads. */
export const LOSS_SCHEMAS = {
  text: z.discriminatedUnion('name', [klSpec, textSimclr]),
  image: z.discriminatedUnion('name', [klSpec, imageSimclr, dinoSpec, deepClusterSpec, ibotSpec]),
  audio: z.discriminatedUnion('name', [klSpec, audioSimclr]),
} as const satisfies Record<Modality, z.ZodType>;

type Schemas = (typeof LOSS_SCHEMAS)[Modality];
/** Defaults filled in. */
export type LossSpec = z.infer<Schemas>;
/** As a caller writes it: everything but the name has a default. */
export type LossOptions = z.input<Schemas>;
/** A loss with a negative batch. */
export type SimClrSpec = Extract<LossSpec, { readonly name: 'simclr' }>;
/** A loss with prototypes. */
export type DeepClusterSpec = Extract<LossSpec, { readonly name: 'deepcluster' }>;

/**
 * @param frozen its artefacts, whose sizes are those that the pool could give
 * @throws {FungiError} MODEL_UNSUPPORTED for iBOT where the model's tokens are not a class token and patches
 */
export function lossOf(spec: LossSpec, mode: Mode, frozen: Artefacts, info: ModelSizes): Loss {
  const columns = (artefact: string): number => frozen[`${spec.name}.${artefact}`]?.shape[1] ?? 0;
  switch (spec.name) {
    case 'kl':
      return kl({ ...spec, mode });
    case 'simclr': {
      // The released code for images divides every similarity by the temperature, as equation 5 does; that for text and audio does not.
      return simclr({ ...spec, mode: 'augmentation' in spec ? 'paper' : mode, negatives: columns('negatives') });
    }
    case 'dino':
      return dino(spec);
    case 'deepcluster':
      return deepCluster({ ...spec, prototypes: columns(prototypesName(0)) });
    case 'ibot':
      return ibot({ ...spec, patches: maskedPatches(classTokenGrid(info), spec.masked) });
  }
}

interface ViewSettings {
  readonly mode: Mode;
  readonly seed: number;
}

/** What there is to know of a model for iBOT. */
type ModelSizes = Pick<EngineInfo, 'frame' | 'tokensMade'>;

/** The views of an item that a loss compares. @throws {FungiError} as {@link lossOf} */
export function viewsOf(loss: LossSpec, settings: ViewSettings, info: ModelSizes): ViewMaker {
  switch (loss.name) {
    case 'kl':
      return selfView;
    case 'simclr':
      return simclrViews(loss, loss.views, 'positive', settings);
    case 'dino':
    case 'deepcluster':
      return randomCrops({ ...loss, seed: settings.seed });
    case 'ibot':
      return maskedCrops({ ...loss, seed: settings.seed, grid: classTokenGrid(info) });
  }
}

/** The views of an item of the pool that stand in a loss's negative batch. */
export const negativeViewsOf = (loss: SimClrSpec, settings: ViewSettings): ViewMaker =>
  simclrViews(loss, loss.negativeViews, 'negative', settings);

function simclrViews(
  loss: SimClrSpec,
  count: number,
  purpose: 'positive' | 'negative',
  { mode, seed }: ViewSettings,
): ViewMaker {
  if ('deletion' in loss) return wordDeletion({ count, seed, mode, p: loss.deletion, purpose });
  if ('noise' in loss) return noisyClips({ count, seed, noise: loss.noise, roll: loss.roll, purpose });
  return patches({ count });
}
