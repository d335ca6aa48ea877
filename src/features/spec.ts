/** Every setting that decides what a feature is. It is stored with an index, and its digest is part of the fingerprint. */
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { kl, KL_DEFAULTS } from '../losses/kl.js';
import { HEADS, type Head } from '../losses/head.js';
import type { Loss } from '../losses/loss.js';
import { ENTRIES } from '../reduce/random-matrix.js';
import { simclr, SIMCLR_DEFAULTS } from '../losses/simclr.js';
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

const klSpec = z
  .strictObject({
    name: z.literal('kl'),
    temperature: positive.default(KL_DEFAULTS.temperature),
    ...headSettings,
    /** Length of the block beside the others'. */
    weight: positive.default(1),
  })
  .transform(({ name, temperature, head, normalise, latent, ...rest }, issues) => ({
    ...{ name, temperature },
    ...headOf({ head, latent }, KL_DEFAULTS.latent, issues),
    ...rest,
    ...(normalise === false && { normalise }),
  }));

const simclrSpec = z
  .strictObject({
    name: z.literal('simclr'),
    temperature: positive.default(SIMCLR_DEFAULTS.temperature),
    ...headSettings,
    /** V, positive views of an item. */
    views: count.min(2).default(SIMCLR_DEFAULTS.views),
    /** The negative batch: this many items of the pool, each in this many views (paper Table 24). */
    negativeItems: count.default(256),
    negativeViews: count.default(2),
    /** Share of the words that a view loses. */
    deletion: z.number().gt(0).lt(1).default(0.1),
    weight: positive.default(1),
  })
  .transform(({ name, temperature, head, normalise, latent, ...rest }, issues) => ({
    ...{ name, temperature },
    ...headOf({ head, latent }, SIMCLR_DEFAULTS.latent, issues),
    ...rest,
    // Without a head the latents, which always get unit length, are the features: bringing these to unit length before changes nothing.
    ...(normalise === true && head !== 'none' && { normalise }),
  }));

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

const lossSpec = z.discriminatedUnion('name', [klSpec, simclrSpec]);

const projectionSpec = z.discriminatedUnion('kind', [
  /** Inner products with gradients of the pool, whitened (see docs/adr): exact on their span, no random matrix. */
  z.strictObject({
    kind: z.literal('nystrom'),
    landmarks: count.default(1024),
    /** Rank-1 terms kept of a landmark whose gradient has more. */
    rank: count.default(1),
  }),
  /** Random ±1 directions of rank 1. */
  z.strictObject({ kind: z.literal('khatri-rao'), width: count.optional() }),
  /** A dense random matrix (paper equation 1), of ±1 by default as there, or of other entries (Table 19). */
  z
    .strictObject({ kind: z.literal('dense'), width: count.optional(), entries: z.enum(ENTRIES).optional() })
    .transform(({ entries, ...rest }) => ({
      ...rest,
      ...(entries !== undefined && entries !== 'binary' && { entries }),
    })),
]);

export const featureSpecSchema = z.strictObject({
  mode: z.enum(['paper', 'reference']).default('paper'),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  losses: z.array(lossSpec).default([]),
  projection: projectionSpec.default({ kind: 'nystrom', landmarks: 1024, rank: 1 }),
  /** Length of the embedding block beside the gradients'. */
  embeddingWeight: positive.default(1),
});

/** The whole specification, defaults filled in. */
export type FeatureSpec = z.infer<typeof featureSpecSchema>;
/** What a caller writes: everything has the paper's default. */
export type FeatureOptions = z.input<typeof featureSpecSchema>;
export type LossSpec = FeatureSpec['losses'][number];
export type ProjectionSpec = FeatureSpec['projection'];

/** @throws {FungiError} INVALID_ARGUMENT naming the setting */
export function featureSpec(options: FeatureOptions = {}): FeatureSpec {
  const parsed = featureSpecSchema.safeParse(options);
  if (!parsed.success) throw new FungiError('INVALID_ARGUMENT', `feature settings: ${z.prettifyError(parsed.error)}`);
  const names = parsed.data.losses.map((loss) => loss.name);
  if (new Set(names).size < names.length) {
    throw new FungiError('INVALID_ARGUMENT', `feature settings: a loss is named twice in ${names.join(', ')}`);
  }
  return parsed.data;
}

/** @param negatives N, when the loss has a negative batch: what the pool could give */
export function lossOf(spec: LossSpec, mode: FeatureSpec['mode'], negatives: number): Loss {
  return spec.name === 'kl' ? kl({ ...spec, mode }) : simclr({ ...spec, mode, negatives });
}

/** The views of an item that a loss compares. */
export function viewsOf(loss: LossSpec, { mode, seed }: FeatureSpec): ViewMaker {
  return loss.name === 'kl' ? selfView : wordDeletion({ count: loss.views, seed, mode, p: loss.deletion });
}
