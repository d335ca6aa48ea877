/** `manifest.json` of an index: what its features were made with, so that a query is never compared with other features. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import { canonicalJson, fingerprint, sha256File, type Json } from '../core/fingerprint.js';
import { MODALITIES, type Modality } from '../core/item.js';
import { onStorage, unlessMissing } from '../core/storage-failure.js';

export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_VERSION = 2;

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'is not a sha256 in hex');
const count = z.int().nonnegative();
const json = z.json() as z.ZodType<Json>;

/** Whatever else an encoder needs to be the same next to these is kept, and compared, too. */
const encoderSchema = z
  .object({
    /** What the user called it: a hub id or a folder. Not compared: the digests say which model it is. */
    id: z.string(),
    modelSha256: digest,
    /** Of what turns an item into model inputs: tokenizer or preprocessor. */
    preprocessorSha256: digest,
    pooling: z.string(),
    maxTokens: z.int().positive(),
    /** Output of the target layer, which names it. */
    target: z.string(),
  })
  .catchall(json);

const dims = z.int().positive();
const fraction = z.number().min(0).max(1);

const pcaShape = {
  /** P */
  dims,
  /** Share of the variance that the P components keep, 0 to 1. */
  explained: fraction.nullable(),
  /** The pool was too small for a PCA (n ≤ P or F ≤ P): features are mean-centred, nothing else. */
  centredOnly: z.boolean(),
};

const shrinkageShape = {
  shrinkage: z.strictObject({
    value: fraction,
    chosen: z.enum(['given', 'auto']),
    /** Of each one tried, the share of held-out rows whose label their neighbours vote for; none where no row could be scored. */
    scores: z.array(z.strictObject({ shrinkage: fraction, accuracy: fraction })),
  }),
};

export const reducerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pca'),
    ...pcaShape,
    /** What it stands in for, since labels tell nothing, and why. */
    instead: z.strictObject({ of: z.enum(['lda', 'blend', 'auto']), why: z.string() }).optional(),
  }),
  /** `limit` is P as asked for. */
  z.strictObject({ kind: z.literal('lda'), dims, limit: dims, ...shrinkageShape }),
  z.strictObject({
    kind: z.literal('blend'),
    dims,
    limit: dims,
    /** Width of the supervised part, which comes first. */
    supervised: dims,
    /** `first`: the column of a feature row that it begins to read at. */
    unsupervised: z.strictObject({ ...pcaShape, first: count }),
    /** The supervised part's, where examples are chosen and where neighbours vote. Rows are stored at equal shares. */
    shares: z.strictObject({ selection: fraction, vote: fraction }),
    ...shrinkageShape,
  }),
  z.strictObject({ kind: z.literal('none'), dims }),
]);

const gain = z.strictObject({ difference: z.number(), low: z.number(), high: z.number() });

export const choiceSchema = z.strictObject({
  /** Losses that were tried, sets of them that there was no time for, and those that were chosen. */
  tried: z.array(z.string()),
  skipped: z.array(z.array(z.string())),
  losses: z.array(z.string()),
  /** Neighbours that vote. */
  voters: z.int().positive(),
  /** On examples that took no part in the choice: shares of `rows`, each beside what the plain embedding does. */
  expected: z.strictObject({
    rows: count,
    accuracy: fraction,
    embedding: fraction,
    /** 95 % interval, paired. */
    gain,
    /** Examples among which the own label is looked for. */
    shown: z.int().positive(),
    labelHit: fraction,
    embeddingLabelHit: fraction,
  }),
  /** Milliseconds for the features of one query, when the index was built. */
  queryMs: z.strictObject({ chosen: z.number().nonnegative(), embedding: z.number().nonnegative() }),
});

export const confidenceSchema = z.strictObject({
  /** Examples that were held out, and voted on. */
  rows: z.int().positive(),
  /** Examples that were held out, and not voted on: no other has their label, so that every vote would be wrong. */
  unscored: count,
  /** Share of them whose likeliest label was right. */
  accuracy: fraction,
  /** Expected calibration error over 15 bins: of the shares of the vote, and of confidence, that of each fold by a calibration on the others. */
  error: z.strictObject({ shares: fraction, calibrated: fraction }),
});

const autoSchema = z.strictObject({
  /** The feature spec that could be chosen from. */
  features: json,
  /** There is none where labels tell nothing. */
  choice: choiceSchema.optional(),
  /** How far the likeliest label is to be trusted; none where few examples could be held out. */
  confidence: confidenceSchema.optional(),
});

const manifestSchema = z.strictObject({
  schemaVersion: z.int().min(1).max(MANIFEST_VERSION),
  name: z.string(),
  createdAt: z.iso.datetime(),
  libraryVersion: z.string(),
  encoder: encoderSchema,
  /** The whole feature spec: losses with every hyper-parameter, weights, projection, seeds, mode. */
  features: json,
  /** {@link featureFingerprint} of `encoder` and `features`. */
  fingerprint: digest,
  /** Heads, negatives, projection and the reducer's basis, beside the manifest. */
  artefacts: z.array(
    z.strictObject({ file: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'is not a plain file name'), sha256: digest }),
  ),
  reducer: reducerSchema,
  metric: z.enum(['l2', 'cosine']),
  /** P: length of the stored vectors. */
  dims,
  /** Where features, reduction and voters were chosen on the examples. */
  auto: autoSchema.optional(),
  /** Rows when it was built; the store knows how many there are now. */
  rows: count,
  /** In order of first appearance. */
  labels: z.array(z.string()),
  truncatedTexts: count,
  /** sha256 over ids and bytes of the images or sounds it was built of; of texts, which are in its rows, there is none. */
  contents: digest.optional(),
  /** sha256 over the examples that it was built of, whatever their order: ids, items as they are named, labels, metadata. */
  examples: digest.optional(),
  /** Id of the store beside the manifest: the two belong together. */
  storeId: z.string().min(1),
  /** Version of that store when it was built: while it is the same, nothing was written to it since. */
  storeVersion: count.optional(),
  /** Of a refit: id of the store of the generation that it follows. */
  refitOf: z.string().min(1).optional(),
});

export type Manifest = Readonly<z.infer<typeof manifestSchema>>;
export type EncoderSpec = Readonly<z.infer<typeof encoderSchema>>;
export type ReducerFacts = Manifest['reducer'];
/** What was chosen on the examples, and what may be expected of it. */
export type ChoiceFacts = Readonly<z.infer<typeof choiceSchema>>;
/** How far the likeliest label is to be trusted. */
export type ConfidenceFacts = Readonly<z.infer<typeof confidenceSchema>>;
/** Of a PCA, alone or in a blend. */
export type PcaFacts = Readonly<z.infer<z.ZodObject<typeof pcaShape>>>;
/** Of the scatter within labels, where one was taken. */
export type ShrinkageFacts = Readonly<z.infer<z.ZodObject<typeof shrinkageShape>>>;

/** What the encoder reads; undefined where only a newer version knows it. */
export const modalityOf = ({ modality = 'text' }: EncoderSpec): Modality | undefined =>
  MODALITIES.find((known) => known === modality);

/** What makes features comparable. */
export interface FeatureSpec {
  readonly encoder: EncoderSpec;
  readonly features: Json;
}

/** sha256 of the canonical JSON of encoder and feature spec, without the names of encoder and file: they say where a model lies. */
export function featureFingerprint(spec: FeatureSpec): string {
  return fingerprint(comparable(spec));
}

/** Replaces the manifest in `folder`. @throws {FungiError} INVALID_ARGUMENT when it does not fit its schema; STORAGE_FAILED */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const parsed = manifestSchema.safeParse(manifest);
  const problem = parsed.success ? inconsistency(parsed.data) : firstIssue(parsed.error);
  if (problem !== undefined) throw new FungiError('INVALID_ARGUMENT', `manifest: ${problem}`);
  const text = `${JSON.stringify({ ...parsed.data, checksum: fingerprint(parsed.data as Json) }, null, 2)}\n`;
  const path = join(folder, MANIFEST_FILE);
  await onStorage(`writing ${path}`, () => replaceFileWith(path, text));
}

/**
 * Reads the manifest in `folder`.
 *
 * @throws {FungiError} INDEX_CORRUPT when it is missing, damaged or edited; INDEX_MISMATCH when a newer version wrote it
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  const corrupt = (reason: string, cause?: unknown): FungiError =>
    new FungiError('INDEX_CORRUPT', `${path} ${reason}`, {
      hint: 'Restore the index from a copy, or build it again.',
      cause,
    });

  const text = await onStorage(`reading ${path}`, () => unlessMissing(readFile(path, 'utf8')));
  if (text === undefined) throw corrupt('is missing');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt('is not JSON', error);
  }
  if (typeof value !== 'object' || value === null) throw corrupt('is not a JSON object');
  const { checksum, ...rest } = value as Record<string, Json>;
  const version = rest['schemaVersion'];
  if (typeof version === 'number' && version > MANIFEST_VERSION) {
    throw new FungiError(
      'INDEX_MISMATCH',
      `${path} has format ${version}; this version of fungi-icl reads formats up to ${MANIFEST_VERSION}`,
      { hint: 'Update fungi-icl, or build the index again with this version.', details: { version } },
    );
  }
  if (checksum !== fingerprint(rest)) throw corrupt('was changed: its checksum differs');
  const parsed = manifestSchema.safeParse(rest);
  const problem = parsed.success ? inconsistency(parsed.data) : firstIssue(parsed.error);
  if (problem !== undefined) throw corrupt(`is invalid: ${problem}`);
  return parsed.data!;
}

/**
 * Compares artefacts with their digests.
 *
 * @param isChecked which of them, by name; default all
 * @throws {FungiError} INDEX_CORRUPT naming the file
 */
export async function verifyArtefacts(
  folder: string,
  { artefacts }: Pick<Manifest, 'artefacts'>,
  isChecked: (file: string) => boolean = () => true,
): Promise<void> {
  for (const { file, sha256 } of artefacts) {
    if (!isChecked(file)) continue;
    const path = join(folder, file);
    const found = await onStorage(`reading ${path}`, () => unlessMissing(sha256File(path)));
    if (found === sha256) continue;
    throw new FungiError(
      'INDEX_CORRUPT',
      `${path} is ${found === undefined ? 'missing' : 'damaged: its sha256 differs'}`,
      {
        hint: 'Restore the index from a copy, or build it again.',
        details: { file, expected: sha256, found },
      },
    );
  }
}

/**
 * Refuses a folder that was put together from two indexes: the table has to be the one the manifest was written for.
 *
 * @throws {FungiError} INDEX_CORRUPT with what was expected and what was found
 */
export function assertOwnStore(manifest: Manifest, store: { readonly id: string; readonly dims: number }): void {
  const { name, storeId, dims } = manifest;
  if (store.id === storeId && store.dims === dims) return;
  throw new FungiError(
    'INDEX_CORRUPT',
    `index "${name}": manifest and table are of two indexes (store ${storeId} with ${dims} dimensions in the manifest, ${store.id} with ${store.dims} found)`,
    {
      hint: 'Restore the whole index from one copy, or build it again.',
      details: { expected: { storeId, dims }, found: { storeId: store.id, dims: store.dims } },
    },
  );
}

/**
 * Refuses to use an index with features that are not comparable with its own.
 *
 * @throws {FungiError} INDEX_MISMATCH listing each field that differs, with both values, and both fingerprints
 */
export function assertSameFeatures(manifest: Manifest, wanted: FeatureSpec): void {
  const found = featureFingerprint(wanted);
  if (found === manifest.fingerprint) return;
  const differences = diff(comparable(manifest), comparable(wanted), '');
  const lines = differences.map(
    ({ field, index, wanted }) => `  ${field}: ${show(index)} in the index, ${show(wanted)} asked for`,
  );
  throw new FungiError(
    'INDEX_MISMATCH',
    `index "${manifest.name}" was made with other settings (fingerprint ${manifest.fingerprint}, asked for ${found}):\n${lines.join('\n')}`,
    {
      hint: differences.some(({ field }) => field === 'encoder.modelSha256')
        ? 'It was made with another model file. Leave --encoder out, or name a folder that holds that very file; or build the index again.'
        : 'Use the model and settings of the index, or build it again with these.',
      details: { index: manifest.fingerprint, wanted: found, differences },
    },
  );
}

interface Difference {
  /** Dotted path, e.g. `features.losses.0.temperature`. */
  readonly field: string;
  /** Undefined where a side lacks the field. */
  readonly index: Json | undefined;
  readonly wanted: Json | undefined;
}

function comparable({ encoder, features }: FeatureSpec): Json {
  return { encoder: { ...encoder, id: undefined, file: undefined }, features };
}

function diff(index: Json | undefined, wanted: Json | undefined, field: string): Difference[] {
  if (!isContainer(index) || !isContainer(wanted)) {
    const same = index !== undefined && wanted !== undefined && canonicalJson(index) === canonicalJson(wanted);
    return same || index === wanted ? [] : [{ field, index, wanted }];
  }
  const keys = [...new Set([...Object.keys(index), ...Object.keys(wanted)])].sort();
  return keys.flatMap((key) => diff(index[key], wanted[key], field === '' ? key : `${field}.${key}`));
}

const isContainer = (value: Json | undefined): value is Readonly<Record<string, Json | undefined>> =>
  typeof value === 'object' && value !== null;

const show = (value: Json | undefined): string => (value === undefined ? 'nothing' : canonicalJson(value));

function inconsistency(manifest: Manifest): string | undefined {
  if (manifest.fingerprint !== featureFingerprint(manifest)) return 'fingerprint is not that of encoder and features';
  const { reducer } = manifest;
  if (reducer.dims !== manifest.dims) return 'reducer.dims differs from dims';
  if (reducer.kind === 'blend' && reducer.supervised + reducer.unsupervised.dims !== reducer.dims)
    return 'reducer.dims is not that of its parts';
  return undefined;
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]!;
  return `${issue.path.join('.') || 'it'} ${issue.message}`;
}
