/** Every setting that decides what a feature is. It is stored with an index, and its digest is part of the fingerprint. */
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { MODALITIES, type Modality } from '../core/item.js';
import { ENTRIES } from '../reduce/random-matrix.js';
import { LOSS_SCHEMAS, type LossOptions, type LossSpec } from './loss-spec.js';

const positive = z.number().positive();
const count = z.number().int().positive();

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

const common = {
  mode: z.enum(['paper', 'reference']).default('paper'),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
};
const behind = {
  projection: projectionSpec.default({ kind: 'nystrom', landmarks: 1024, rank: 1 }),
  /** Length of the embedding block beside the gradients'. */
  embeddingWeight: positive.default(1),
};
const schemaOf = <Loss extends z.ZodType>(loss: Loss) =>
  z.strictObject({ ...common, losses: z.array(loss).default([]), ...behind });

/** By what the encoder reads. */
export const FEATURE_SPEC_SCHEMAS = {
  text: schemaOf(LOSS_SCHEMAS.text),
  image: schemaOf(LOSS_SCHEMAS.image),
  audio: schemaOf(LOSS_SCHEMAS.audio),
} as const satisfies Record<Modality, z.ZodType>;

type TextSpec = typeof FEATURE_SPEC_SCHEMAS.text;
/** The whole specification, defaults filled in. */
export type FeatureSpec = Omit<z.infer<TextSpec>, 'losses'> & { losses: LossSpec[] };
/** What a caller writes: everything has the paper's default. */
export type FeatureOptions = Omit<z.input<TextSpec>, 'losses'> & { losses?: LossOptions[] | undefined };
export type ProjectionSpec = FeatureSpec['projection'];

/**
 * @param modality what the encoder reads: it decides which losses there are, and their defaults
 * @throws {FungiError} INVALID_ARGUMENT naming the setting
 */
export function featureSpec(options: FeatureOptions = {}, modality: Modality = 'text'): FeatureSpec {
  options.losses?.forEach(({ name }) => {
    assertLoss(name, modality);
  });
  const parsed = FEATURE_SPEC_SCHEMAS[modality].safeParse(options);
  if (!parsed.success) throw new FungiError('INVALID_ARGUMENT', `feature settings: ${z.prettifyError(parsed.error)}`);
  const names = parsed.data.losses.map((loss) => loss.name);
  if (new Set(names).size < names.length) {
    throw new FungiError('INVALID_ARGUMENT', `feature settings: a loss is named twice in ${names.join(', ')}`);
  }
  return parsed.data;
}

/** @throws {FungiError} INVALID_ARGUMENT for a loss that there is, and not of what the encoder reads */
function assertLoss(name: string, modality: Modality): void {
  const readers = MODALITIES.filter((each) => lossNames(each).includes(name));
  if (readers.length === 0 || readers.includes(modality)) return;
  const others = readers.map((each) => ITEMS[each]).join(' and ');
  throw new FungiError(
    'INVALID_ARGUMENT',
    `${name} is a loss of ${others}, and this encoder reads ${ITEMS[modality]}`,
    {
      hint: `Of ${ITEMS[modality]} there are ${lossNames(modality).join(', ')}.`,
      details: { loss: name, modality },
    },
  );
}

const ITEMS: Readonly<Record<Modality, string>> = { text: 'texts', image: 'images', audio: 'sounds' };

const lossNames = (modality: Modality): string[] =>
  [...(LOSS_SCHEMAS[modality]._zod.propValues['name'] ?? [])].map(String);
