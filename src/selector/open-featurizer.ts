/** Opens what computes the features of an index, and proves that queries will be comparable with it. */
import { join } from 'node:path';
import { FungiError } from '../core/errors.js';
import { isPooling, type Encoder, type Pooling } from '../encoders/encoder.js';
import { ARTEFACTS_FILE, loadArtefacts } from '../features/artefact-file.js';
import { FeatureExtractor } from '../features/extractor.js';
import { FEATURE_SPEC_SCHEMAS, type FeatureSpec } from '../features/spec.js';
import type { Reducer } from '../reduce/reducer.js';
import { assertSameFeatures, modalityOf, verifyArtefacts, type Manifest } from '../store/manifest.js';
import { LocalFeaturizer } from './featurizer.js';
import { loadEncoder, loadEngine } from './load-engine.js';
import type { EncoderChoice, OpenOptions } from './options.js';
import { loadReducer } from './reducer-file.js';
import { isNeeded } from './votes-file.js';

/** An index where it lies, as it was when its manifest was read. */
export interface LocatedIndex {
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * @throws {FungiError} INDEX_CORRUPT; INDEX_MISMATCH for another model or tokenizer, and for settings of a newer version; what loading
 * the model throws
 */
export async function openFeaturizer(
  options: OpenOptions,
  { folder, manifest }: LocatedIndex,
): Promise<LocalFeaturizer> {
  const spec = specOf(manifest);
  await verifyArtefacts(folder, manifest, isNeeded);
  const choice = await sameEncoder(options, manifest);
  const { engine, encoder } = await loadEngine({ ...options, ...choice });
  try {
    assertSameFeatures(manifest, { encoder, features: spec });
    await verifyArtefacts(folder, manifest, isNeeded); // again: while the model was loaded, another generation may have come, which may go as well
    const artefacts = await loadArtefacts(join(folder, ARTEFACTS_FILE), engine, spec);
    const extractor = await FeatureExtractor.create(engine, spec, artefacts);
    return new LocalFeaturizer(engine, extractor, await openReducer(folder, manifest));
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** An encoder that is loaded, and what is taken of it. */
export type LoadedChoice = EncoderChoice & { readonly encoder: Encoder };

/**
 * The encoder of an index, loaded from where the options say that it lies now.
 *
 * @throws {FungiError} INDEX_MISMATCH for another model or tokenizer; what loading it throws
 */
export async function sameEncoder(options: OpenOptions, manifest: Manifest): Promise<LoadedChoice> {
  const { pooling, target, output, id, file, precision } = manifest.encoder;
  const choice = {
    encoder: options.encoder ?? id,
    pooling: pooling as Pooling,
    target,
    ...(typeof output === 'string' && { output }),
    ...(options.file === undefined ? typeof file === 'string' && { file } : { file: options.file }),
    ...(precision === 'int8' && ({ precision } as const)),
  };
  const encoder = await loadEncoder({ ...options, ...choice });
  // Before anything is made of another model: the layers of this index may not even be in it.
  const { modelSha256, preprocessorSha256 } = encoder;
  const { features } = manifest;
  assertSameFeatures(manifest, { encoder: { ...manifest.encoder, modelSha256, preprocessorSha256 }, features });
  return { ...choice, encoder };
}

/**
 * The reducer of an index whose artefacts were verified, from the file that its manifest names.
 *
 * @throws {FungiError} INDEX_CORRUPT
 */
export async function openReducer(folder: string, { name, artefacts, reducer }: Manifest): Promise<Reducer> {
  const own = artefacts.find(({ file }) => file !== ARTEFACTS_FILE && isNeeded(file));
  if (own !== undefined) return loadReducer(join(folder, own.file), reducer);
  throw new FungiError('INDEX_CORRUPT', `index "${name}": its manifest names no file of a reducer`, {
    hint: 'Restore the index from a copy, or build it again.',
  });
}

/** The settings of the features, if this version knows them all. @throws {FungiError} INDEX_MISMATCH naming the field */
export function specOf({ name, libraryVersion, features, encoder }: Manifest): FeatureSpec {
  const modality = modalityOf(encoder);
  const parsed = FEATURE_SPEC_SCHEMAS[modality ?? 'text'].safeParse(features);
  if (modality !== undefined && parsed.success && isPooling(encoder.pooling)) return parsed.data;
  const [issue] = parsed.error?.issues ?? [];
  const unknown =
    modality === undefined
      ? `encoder.modality: ${JSON.stringify(encoder['modality'])}`
      : issue === undefined
        ? `encoder.pooling: "${encoder.pooling}"`
        : `features.${issue.path.join('.')}: ${issue.message}`;
  throw new FungiError(
    'INDEX_MISMATCH',
    `index "${name}", made by version ${libraryVersion}, has settings that this version does not know: ${unknown}`,
    { hint: 'Update fungi-icl, or build the index again with this version.', details: { libraryVersion } },
  );
}
