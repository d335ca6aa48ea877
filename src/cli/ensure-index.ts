/** Building an index unless the same one is there already. */
import { FungiError } from '../core/errors.js';
import { canonicalJson, type Json } from '../core/fingerprint.js';
import type { ExampleInput } from '../core/item.js';
import type { Encoder } from '../encoders/encoder.js';
import { featureSpec, type FeatureOptions, type FeatureSpec } from '../features/spec.js';
import { DEFAULT_DIMS } from '../selector/options.js';
import { kindAsked } from '../selector/reduction-asked.js';
import { DEFAULT_REDUCER, parseReduction, sharesOf, type AskedReduction } from '../selector/reduction.js';
import type { BuildOptions } from '../selector/options.js';
import { findIndex, listIndexes, type IfExists } from '../store/index-folder.js';
import {
  assertSameFeatures,
  featureFingerprint,
  readManifest,
  verifyArtefacts,
  type EncoderSpec,
  type Manifest,
} from '../store/manifest.js';
import { nounOf } from './nouns.js';
import { counted } from './output.js';

export interface EnsureOptions extends BuildOptions {
  readonly indexes: string;
  readonly features: FeatureOptions;
  /** What to do about an index of that name that differs. */
  readonly ifDifferent: IfExists;
}

export interface EnsuredIndex {
  readonly manifest: Manifest;
  /** `unchanged`: an index of the same data and settings was there. */
  readonly state: 'built' | 'replaced' | 'unchanged';
}

/**
 * @throws {FungiError} INDEX_EXISTS when an index of that name differs and is not to be replaced, INDEX_CORRUPT when it is damaged and is
 * not to be; what building one throws
 */
export async function ensureIndex(options: EnsureOptions): Promise<EnsuredIndex> {
  const { name, indexes, ifDifferent } = options;
  const { loadEncoder } = await import('../selector/load-engine.js');
  const encoder = await loadEncoder(options);
  const exists = (await listIndexes(indexes)).includes(name);
  if (exists) {
    const differences = await compare({ ...options, encoder }).catch((error: unknown) => {
      if (!FungiError.is(error, 'INDEX_CORRUPT')) throw error;
      if (ifDifferent === 'refuse') throw damaged(error);
      return [error.message];
    });
    if (differences.length === 0) {
      return { manifest: await readManifest(await findIndex(indexes, name)), state: 'unchanged' };
    }
    if (ifDifferent === 'refuse') {
      const there = (await readManifest(await findIndex(indexes, name))).encoder.id;
      throw refusal(options, differences, there === encoder.id ? undefined : there);
    }
  }
  // Not a selector: that would read every row back into memory, to search none of them.
  const { buildIndex } = await import('../selector/build-index.js');
  const { manifest, store, featurizer } = await buildIndex({ ...options, encoder, ifExists: ifDifferent });
  await store.close();
  await featurizer.close();
  return { manifest, state: exists ? 'replaced' : 'built' };
}

const damaged = ({ message, details }: FungiError): FungiError =>
  new FungiError('INDEX_CORRUPT', message, {
    hint: 'Build it again with --force, or restore it from a copy.',
    details,
  });

/** @param encoder of the index, where another was asked for */
function refusal(
  { name, indexes }: EnsureOptions,
  differences: readonly string[],
  encoder: string | undefined,
): FungiError {
  const keep = encoder === undefined ? '' : `Its encoder is kept with --encoder ${encoder}. Otherwise: `;
  return new FungiError(
    'INDEX_EXISTS',
    `index "${name}" in ${indexes} exists, and is another one:\n${differences.map((line) => `  ${line}`).join('\n')}`,
    { hint: `${keep}Choose another name, or replace it with --force.`, details: { name, differences } },
  );
}

/**
 * In what the index that is there differs from the one asked for. Where it may go, the model is only loaded when nothing else differs:
 * the build that follows loads it anyway.
 */
async function compare(options: EnsureOptions & { readonly encoder: Encoder }): Promise<string[]> {
  const { dims = DEFAULT_DIMS } = options;
  const asked = parseReduction(options.reducer ?? DEFAULT_REDUCER, { dims, metric: options.metric });
  const spec = featureSpec(options.features, options.encoder.modality);
  const folder = await findIndex(options.indexes, options.name);
  const manifest = await readManifest(folder);
  await verifyArtefacts(folder, manifest);
  const { openReducer } = await import('../selector/open-featurizer.js');
  const metric = options.metric ?? (await openReducer(folder, manifest)).metric;
  const rest = [
    ...reducerDifferences(manifest, asked, dims),
    ...(manifest.metric === metric ? [] : [`metric: ${manifest.metric} in the index, ${metric} asked for`]),
    ...(await dataDifferences(folder, manifest, options)),
  ];
  const there = asAsked(manifest);
  const known = [...featureDifferences(there, spec, manifest.encoder), ...rest];
  if (options.ifDifferent !== 'refuse' && known.length > 0) return known;
  const { loadEngine } = await import('../selector/load-engine.js');
  const { engine, encoder } = await loadEngine(options);
  await engine.close();
  return [...featureDifferences(there, spec, encoder), ...rest];
}

/** With the features that were asked for, where some of them were chosen. */
function asAsked(manifest: Manifest): Manifest {
  const { auto, encoder } = manifest;
  if (auto === undefined) return manifest;
  const { features } = auto;
  return { ...manifest, features, fingerprint: featureFingerprint({ encoder, features }) };
}

function reducerDifferences(manifest: Manifest, asked: AskedReduction, dims: number): string[] {
  const { reducer, auto, rows, labels } = manifest;
  const kind = kindAsked(manifest);
  if (kind !== asked.kind) return [`reducer: ${kind} in the index, ${asked.kind} asked for`];
  const differences: string[] = [];
  const compare = (what: string, there: number | string, wanted: number | string): void => {
    if (there !== wanted) differences.push(`${what}: ${there} in the index, ${wanted} asked for`);
  };
  if (reducer.kind === 'none') return [];
  if (reducer.kind === 'pca') {
    // A pool too small for a PCA keeps its own width, whatever was asked for.
    const isWide = reducer.centredOnly && dims >= Math.min(rows, reducer.dims);
    if (!isWide) compare('dims', reducer.dims, dims);
    return differences;
  }
  const isWide = reducer.kind === 'lda' && Math.min(reducer.limit, dims) >= labels.length - 1;
  if (!isWide) compare('dims', reducer.limit, dims);
  if (auto) return differences;
  const { chosen, value } = reducer.shrinkage;
  if ('shrinkage' in asked) compare('shrinkage', chosen === 'auto' ? chosen : value, asked.shrinkage);
  if (reducer.kind === 'blend') {
    const wanted = sharesOf(asked, reducer.supervised);
    compare('share to choose by', reducer.shares.selection, wanted.selection);
    compare('share to vote by', reducer.shares.vote, wanted.vote);
  }
  return differences;
}

function featureDifferences(manifest: Manifest, spec: FeatureSpec, encoder: EncoderSpec): string[] {
  const features = spec as unknown as Json;
  try {
    assertSameFeatures(manifest, { encoder, features });
    return [];
  } catch (error) {
    if (!FungiError.is(error, 'INDEX_MISMATCH')) throw error;
    const differences = error.details['differences'] as readonly { field: string; index?: Json; wanted?: Json }[];
    const show = (value: Json | undefined): string => (value === undefined ? 'nothing' : canonicalJson(value));
    const [there, asked] = [lossesOf(manifest.features), lossesOf(features)];
    const others =
      there === asked ? differences : differences.filter(({ field }) => !field.startsWith('features.losses'));
    return [
      ...(there === asked ? [] : [`losses: ${there} in the index, ${asked} asked for`]),
      ...others.map(({ field, index, wanted }) => `${field}: ${show(index)} in the index, ${show(wanted)} asked for`),
    ];
  }
}

/** As `--losses` takes them. */
function lossesOf(features: Json): string {
  const { losses } = features as unknown as FeatureSpec;
  return losses.length === 0 ? 'none' : losses.map(({ name }) => name).join(',');
}

async function dataDifferences(
  folder: string,
  manifest: Manifest,
  { examples: inputs, encoder }: { readonly examples: readonly ExampleInput[]; readonly encoder: Encoder },
): Promise<string[]> {
  const { distinct } = await import('../selector/rows.js');
  const { contentOf, storedExamples } = await import('../selector/stored-examples.js');
  const examples = distinct(inputs);
  const missing = new Map(examples.map((example) => [example.id, contentOf(example)]));
  let surplus = 0;
  for await (const example of storedExamples({ folder, manifest })) {
    if (missing.get(example.id) === contentOf(example)) missing.delete(example.id);
    else surplus++;
  }
  if (surplus > 0 || missing.size > 0) {
    return [
      `data: ${counted(surplus, 'example')} of the index not in the data, ${missing.size} of the data not in the index`,
    ];
  }
  const { contentsDigest, examplesDigest } = await import('../selector/contents-digest.js');
  if (manifest.examples !== undefined && manifest.examples !== examplesDigest(examples)) {
    const { name } = manifest;
    return [
      `data: the examples that the index holds, and others than it was built of; \`fungi indexes refit ${name}\` fits it to them`,
    ];
  }
  if (encoder.modality === 'text') return [];
  const keys = await encoder.identify(examples.map(({ input }) => input));
  if (contentsDigest(examples, keys) === manifest.contents) return [];
  const files = `${nounOf(encoder.modality)}s`;
  return [`data: the same names, and other ${files} than those that the index was built of`];
}
