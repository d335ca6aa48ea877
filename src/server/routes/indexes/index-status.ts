/** An index as the API shows it. */
import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import {
  choiceSchema,
  confidenceSchema,
  modalityOf,
  reducerSchema,
  type EncoderSpec,
  type Manifest,
} from '../../../store/manifest.js';
import type { IndexStatus } from '../../indexes/catalogue.js';

const count = z.int().nonnegative();
const name = z.string().meta({ examples: ['help-desk'] });

const buildingSchema = z.strictObject({
  name,
  state: z.literal('building'),
  progress: z
    .strictObject({ stage: z.string(), done: count, total: count, unit: z.string() })
    .nullable()
    .meta({ description: 'Null before the first step.' }),
});

const failedSchema = z.strictObject({
  name,
  state: z.literal('failed'),
  error: z.strictObject({ code: z.string(), detail: z.string().optional() }),
});

const readyShape = {
  name,
  state: z.literal('ready'),
  rows: count.meta({ description: 'Examples there are now.' }),
  modality: z.enum(['text', 'image', 'audio', 'unknown']),
  encoder: z.string(),
  dims: z.int().positive().meta({ description: 'Length of a feature.' }),
  metric: z.enum(['l2', 'cosine']),
  createdAt: z.string(),
  generation: z.string(),
};

export const summarySchema = z.union([z.strictObject(readyShape), buildingSchema, failedSchema]);

export const descriptionSchema = z.union([
  z.strictObject({
    ...readyShape,
    labels: z.array(z.string()).meta({ description: 'There are now, in order of first appearance.' }),
    features: z.unknown().meta({ type: 'object', description: 'Losses with every setting, projection, seed, mode.' }),
    fingerprint: z.string().meta({ description: 'sha256 of encoder and features: what is equal compares.' }),
    model: z.strictObject({
      modelSha256: z.string(),
      preprocessorSha256: z.string(),
      pooling: z.string(),
      maxTokens: z.int(),
    }),
    reducer: reducerSchema.meta({ description: 'Its kind, and what was found when it was fitted.' }),
    choice: choiceSchema.nullable().meta({
      description: 'What was chosen on the examples, and what it is expected to bring; null where nothing was.',
    }),
    confidence: confidenceSchema.nullable().meta({
      description:
        'How often the likeliest label was right on examples that the build held out, how far the shares of the vote, and confidence by a calibration, were from that, and how many held-out examples could not be scored, as no other has their label; null where it could not tell.',
    }),
    builtRows: count.meta({ description: 'Examples it was built from.' }),
    truncatedTexts: count.meta({ description: 'Of those, longer than the encoder reads.' }),
    libraryVersion: z.string(),
  }),
  buildingSchema,
  failedSchema,
]);

/** In a list. */
export function summaryOf(status: IndexStatus): z.output<typeof summarySchema> {
  const { name, state } = status;
  if (state === 'building') return { name, state, progress: progressOf(status) };
  if (state === 'failed') return { name, state, error: errorOf(status.error) };
  const { manifest, rows } = status;
  const { dims, metric, createdAt, storeId, encoder } = manifest;
  return {
    ...{ name, state, rows, dims, metric, createdAt },
    modality: modalityOf(encoder) ?? 'unknown',
    encoder: encoderName(encoder),
    generation: storeId,
  };
}

/** What else there is to say of one that is ready. @param labels there are now */
export function detailsOf(manifest: Manifest, labels: readonly string[]) {
  const { encoder, features, fingerprint, reducer, auto, rows, truncatedTexts, libraryVersion } = manifest;
  const { modelSha256, preprocessorSha256, pooling, maxTokens } = encoder;
  return {
    ...{ labels, features, fingerprint, truncatedTexts, libraryVersion },
    model: { modelSha256, preprocessorSha256, pooling, maxTokens },
    reducer,
    choice: auto?.choice ?? null,
    confidence: auto?.confidence ?? null,
    builtRows: rows,
  };
}

/** Of a folder its last part: where it lies on the server is nobody's business. A hub's id, `owner/name`, stays. */
export function encoderName({ id }: Pick<EncoderSpec, 'id'>): string {
  if (/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(id)) return id;
  return id.split(/[/\\]/).findLast((part) => part !== '') ?? 'unnamed';
}

const progressOf = ({ progress }: Extract<IndexStatus, { state: 'building' }>) =>
  progress === undefined
    ? null
    : { stage: progress.stage, done: progress.done, total: progress.total, unit: progress.unit };

/** The server's own failures name files: of those there is the code alone. */
function errorOf(error: Error): { code: string; detail?: string } {
  if (!FungiError.is(error)) return { code: 'INTERNAL' };
  return { code: error.code, ...(error.httpStatus < 500 && { detail: error.message }) };
}
