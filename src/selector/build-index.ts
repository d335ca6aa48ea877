/** Builds an index: encode the pool, fit the reducer, store the reduced features, publish the whole at once. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { copyNumbers } from '../core/duplicates.js';
import type { FileLock } from '../core/file-lock.js';
import { sha256File, type Json } from '../core/fingerprint.js';
import type { Example, Item } from '../core/item.js';
import { silentLogger } from '../core/log.js';
import type { OnProgress } from '../core/progress.js';
import { LIBRARY_VERSION } from '../core/version.js';
import type { GradientEngine } from '../engine/engine.js';
import { ARTEFACTS_FILE, loadArtefacts, saveArtefacts } from '../features/artefact-file.js';
import { buildArtefacts } from '../features/artefacts.js';
import { FeatureExtractor } from '../features/extractor.js';
import { artefactsOf, type FeatureArtefacts } from '../features/frozen.js';
import { featureSpec, type FeatureSpec } from '../features/spec.js';
import { windows } from '../features/windows.js';
import { IndexBuild } from '../store/index-build.js';
import { lockIndex } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import {
  featureFingerprint,
  MANIFEST_VERSION,
  writeManifest,
  type EncoderSpec,
  type Manifest,
  type ReducerFacts,
} from '../store/manifest.js';
import type { StagedFeatures } from '../store/staged-features.js';
import { choiceFacts } from './choice-facts.js';
import { confidenceFacts } from './confidence.js';
import { planFingerprint } from './build-plan.js';
import { contentsDigest, examplesDigest } from './contents-digest.js';
import { loadEncoder, loadEngine } from './load-engine.js';
import { fitReduction, reducedRows } from './fit-reduction.js';
import { LocalFeaturizer } from './featurizer.js';
import type { OpenedIndex } from './opened-index.js';
import { DEFAULT_DIMS, DEFAULT_INDEXES, type BuildOptions } from './options.js';
import { reducerFacts } from './reducer-facts.js';
import { saveReducer } from './reducer-file.js';
import { DEFAULT_REDUCER, parseReduction } from './reduction.js';
import { distinct, withVectors } from './rows.js';
import { successionOf } from './succession.js';
import { saveVotes, VOTES_FILE } from './votes-file.js';

/** What a refit knows of the index that it makes anew. */
export interface Refitted {
  /** Of the name; who took it releases it too, whatever happens. */
  readonly lock: FileLock;
  /** Store of the generation that the new one follows. */
  readonly of: string;
}

/**
 * @param refit where the index is a new generation of one
 * @throws {FungiError} INVALID_DATA, INVALID_TEXT, INVALID_ARGUMENT, INDEX_EXISTS, INDEX_LOCKED, STORAGE_FAILED, and what loading
 * the model throws
 */
export async function buildIndex(options: BuildOptions, refit?: Refitted): Promise<OpenedIndex<LocalFeaturizer>> {
  const { name, indexes = DEFAULT_INDEXES, dims = DEFAULT_DIMS, ifExists, onProgress } = options;
  const { log = silentLogger } = options;
  const asked = parseReduction(options.reducer ?? DEFAULT_REDUCER, { dims, metric: options.metric });
  const examples = distinct(options.examples);
  const items = examples.map(({ input }) => input);
  const source = await loadEncoder(options);
  const spec = featureSpec(options.features ?? { losses: [{ name: 'kl' }] }, source.modality);
  const keys = await source.identify(items);
  const { engine, encoder } = await loadEngine({ ...options, encoder: source });
  // Media may change where they lie: a build goes on only if their bytes are the same.
  const content = examples.map((example, i) => ({ ...example, input: keys[i]! }));
  const plan = planFingerprint({ encoder, features: spec, examples: content });
  const build = await IndexBuild.open(indexes, name, plan, {
    ...{ logger: log, lock: refit?.lock },
    ...(ifExists && { ifExists }),
  }).catch(closing(engine));
  try {
    const artefacts = await resumed(join(build.kept, ARTEFACTS_FILE), engine, spec, items, onProgress);
    const extractor = await FeatureExtractor.create(engine, spec, artefacts);
    const staged = await build.stage(extractor.layout.width);
    await encodePool(extractor, staged, items, onProgress);
    const { layout } = extractor;
    const linalg = options.threads === undefined ? {} : { threads: options.threads };
    const copies = copyNumbers(keys, source.modality);
    const task = { asked, seed: spec.seed, dims, layout, examples, copies, linalg };
    const fitted = await fitReduction(staged, task, onProgress);
    const { reducer, choice } = fitted;
    if (reducer.instead !== undefined) log.warn(`index "${name}": ${reducer.instead}`);
    if (choice !== undefined && choice.skipped.length > 0) {
      const sets = choice.skipped.map((set) => set.join('+')).join(', ');
      log.warn(`index "${name}": there was no time to try ${sets}; a larger budgetSeconds of the reducer gives it`);
    }
    const made = await makeStore(build.folder, examples, reducedRows(staged, layout, fitted), reducer.dims, onProgress);
    const losses = spec.losses
      .map(({ name }) => name)
      .filter((loss) => fitted.blocks.some(({ name }) => name === loss));
    const own = extractor.restrictedTo(losses);
    await saveArtefacts(join(build.folder, ARTEFACTS_FILE), artefactsOf(artefacts, losses));
    const facts = reducerFacts(reducer, asked, dims, choice?.shares);
    const reducerFile = `${facts.kind}.safetensors`;
    await saveReducer(join(build.folder, reducerFile), reducer);
    const confidence = choice && confidenceFacts(choice.votes);
    const votes = confidence && choice.votes;
    if (votes !== undefined) await saveVotes(build.folder, votes);
    const files = [ARTEFACTS_FILE, reducerFile, ...(votes ? [VOTES_FILE] : [])];
    const manifest = await describe({
      ...{ build, name, encoder, spec: own.spec, reducer: facts, files, examples, ...made },
      auto:
        asked.kind === 'auto'
          ? {
              features: spec as unknown as Json,
              ...(choice && { choice: await choiceFacts(choice, extractor, items) }),
              ...(confidence && { confidence }),
            }
          : undefined,
      metric: options.metric ?? reducer.metric,
      truncated: staged.truncated,
      contents: source.modality === 'text' ? undefined : contentsDigest(examples, keys),
      refitOf: refit?.of,
    });
    await writeManifest(build.folder, manifest);
    // Opened before the name is unlocked: another build may be waiting to replace this index.
    const succession = await successionOf(indexes, manifest, examples, options);
    const store = await LanceStore.open(await build.publish(succession));
    const featurizer = new LocalFeaturizer(engine, own, reducer);
    return { manifest, featurizer, store, votes, lock: () => lockIndex(indexes, name), onProgress, log };
  } catch (error) {
    return await closing(engine)(error);
  } finally {
    await build.close();
  }
}

const closing =
  (engine: GradientEngine) =>
  async (error: unknown): Promise<never> => {
    await engine.close();
    throw error;
  };

/** The artefacts of an interrupted build, or new ones, kept for the next try. */
async function resumed(
  path: string,
  engine: GradientEngine,
  spec: FeatureSpec,
  pool: readonly Item[],
  onProgress: OnProgress | undefined,
): Promise<FeatureArtefacts> {
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (there) return loadArtefacts(path, engine, spec);
  const artefacts = await buildArtefacts(engine, spec, pool, onProgress);
  await saveArtefacts(path, artefacts);
  return artefacts;
}

/** Appends the features of every item that is not staged yet. */
async function encodePool(
  extractor: FeatureExtractor,
  staged: StagedFeatures,
  items: readonly Item[],
  onProgress: OnProgress | undefined,
): Promise<void> {
  for (const { start, end } of windows(items, extractor.viewsPerItem, extractor.window, staged.rowsDone)) {
    const { rows, truncated } = await extractor.extract(items.slice(start, end), (progress) => {
      const done = start + Math.floor(((end - start) * progress.done) / progress.total);
      onProgress?.({ stage: 'features', done, total: items.length, unit: 'rows' });
    });
    await staged.append(rows, truncated.filter(Boolean).length);
  }
}

/** Makes the table of the reduced features. */
async function makeStore(
  folder: string,
  examples: readonly Example[],
  reduced: AsyncIterable<Float32Array>,
  dims: number,
  onProgress: OnProgress | undefined,
): Promise<Pick<Description, 'storeId' | 'storeVersion'>> {
  const store = await LanceStore.create(folder, dims);
  try {
    let done = 0;
    for await (const vectors of reduced) {
      const count = vectors.length / dims;
      await store.upsert(withVectors(examples.slice(done, done + count), vectors, dims));
      done += count;
      onProgress?.({ stage: 'store', done, total: examples.length, unit: 'rows' });
    }
    await store.compact();
    return { storeId: store.id, storeVersion: await store.version() };
  } finally {
    await store.close();
  }
}

interface Description {
  readonly build: IndexBuild;
  readonly name: string;
  readonly encoder: EncoderSpec;
  readonly spec: FeatureSpec;
  readonly reducer: ReducerFacts;
  /** Artefacts. */
  readonly files: readonly string[];
  readonly metric: 'l2' | 'cosine';
  readonly auto: Manifest['auto'];
  readonly examples: readonly Example[];
  readonly truncated: number;
  readonly contents: string | undefined;
  readonly storeId: string;
  readonly storeVersion: number;
  readonly refitOf: string | undefined;
}

async function describe(description: Description): Promise<Manifest> {
  const { build, name, encoder, spec, reducer, files, metric, auto, examples, truncated, contents } = description;
  const { storeId, storeVersion, refitOf } = description;
  const features = spec as unknown as Json;
  const artefact = async (file: string) => ({ file, sha256: await sha256File(join(build.folder, file)) });
  return {
    schemaVersion: MANIFEST_VERSION,
    name,
    createdAt: new Date().toISOString(),
    libraryVersion: LIBRARY_VERSION,
    encoder,
    features,
    fingerprint: featureFingerprint({ encoder, features }),
    artefacts: await Promise.all(files.map(artefact)),
    reducer,
    metric,
    dims: reducer.dims,
    ...(auto && { auto }),
    rows: examples.length,
    labels: [...new Set(examples.map(({ label }) => label))],
    truncatedTexts: truncated,
    ...(contents !== undefined && { contents }),
    examples: examplesDigest(examples),
    storeId,
    storeVersion,
    ...(refitOf !== undefined && { refitOf }),
  };
}
