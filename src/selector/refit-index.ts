/** A new generation of an index: built of the rows that it holds, with the settings that it was built with. */
import type { Example } from '../core/item.js';
import { LIBRARY_VERSION } from '../core/version.js';
import type { FeatureOptions } from '../features/spec.js';
import { findIndex, lockIndex } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import { readManifest, verifyArtefacts, type Manifest } from '../store/manifest.js';
import { buildIndex } from './build-index.js';
import { LEAST_VOTES } from './confidence.js';
import { contentsDigest } from './contents-digest.js';
import type { LocalFeaturizer } from './featurizer.js';
import { openReducer, sameEncoder, specOf, type LoadedChoice, type LocatedIndex } from './open-featurizer.js';
import type { OpenedIndex } from './opened-index.js';
import { DEFAULT_INDEXES, type BuildOptions, type RefitOptions } from './options.js';
import { reductionAsked } from './reduction-asked.js';
import { storedExamples } from './stored-examples.js';
import { precursorOf } from './succession.js';
import { isNeeded } from './votes-file.js';

/**
 * Undefined where the index is as a build would make it and it is to be left then ({@link RefitOptions.ifUnchanged}).
 *
 * The name is locked from before the rows are read until the new generation is in place: no row can come in between and be lost.
 *
 * @throws {FungiError} INDEX_NOT_FOUND, INDEX_LOCKED, INDEX_CORRUPT, INDEX_MISMATCH, INVALID_DATA for an index without rows, and what
 * building one throws
 */
export async function refitIndex(options: RefitOptions): Promise<OpenedIndex<LocalFeaturizer> | undefined> {
  const { name, indexes = DEFAULT_INDEXES } = options;
  await findIndex(indexes, name);
  const lock = await lockIndex(indexes, name);
  try {
    const folder = await findIndex(indexes, name);
    const located = { folder, manifest: await readManifest(folder) };
    const examples: Example[] = [];
    for await (const example of storedExamples(located)) examples.push(example);
    const asked = await asBuilt(options, located);
    if (options.ifUnchanged === 'leave' && (await isUnchanged(options, located, examples, asked))) return undefined;
    const of = await precursorOf(indexes, located.manifest, examples);
    return await buildIndex({ ...asked, examples, ifExists: 'set-aside' }, { lock, of });
  } finally {
    await lock.release();
  }
}

/**
 * Whether an index is as its build left it, and no other reduction is asked for; of one whose manifest does not tell, it is not. That it holds
 * the same examples is not enough: what was added and removed since is still in the files of its table.
 */
async function isUnchanged(
  { dims, reducer }: RefitOptions,
  { folder, manifest }: LocatedIndex,
  examples: readonly Example[],
  { encoder }: LoadedChoice,
): Promise<boolean> {
  if (dims !== undefined || reducer !== undefined) return false;
  if (manifest.storeVersion !== (await LanceStore.version(folder))) return false;
  if (!isWholeChoice(manifest)) return false;
  if (encoder.modality === 'text') return true;
  return manifest.contents === contentsDigest(examples, await encoder.identify(examples.map(({ input }) => input)));
}

/** Whether a build by this version, with time enough, could give no more: another version, what there was no time for, no confidence. */
function isWholeChoice({ libraryVersion, rows, auto }: Manifest): boolean {
  if (libraryVersion !== LIBRARY_VERSION) return false;
  if (auto?.choice === undefined) return true;
  const { skipped, expected } = auto.choice;
  // `expected` counts a row once for each time that it was held out.
  const isConfidenceDue = auto.confidence === undefined && Math.min(rows, expected.rows) >= LEAST_VOTES;
  return skipped.length === 0 && !isConfidenceDue;
}

/** The options that an index was built with, as far as it tells, and those given now. */
async function asBuilt(
  options: RefitOptions,
  { folder, manifest }: LocatedIndex,
): Promise<Omit<BuildOptions, 'examples'> & LoadedChoice> {
  const { metric, auto } = manifest;
  const features = specOf(auto === undefined ? manifest : { ...manifest, features: auto.features }) as FeatureOptions;
  await verifyArtefacts(folder, manifest, isNeeded);
  const usual = (await openReducer(folder, manifest)).metric;
  const asked = reductionAsked(manifest);
  const { dims = asked.dims, reducer } = options;
  return {
    ...options,
    ...(await sameEncoder(options, manifest)),
    ...{ features, dims, reducer: reducer ?? asked.reducer },
    // With another reducer, or labels, the usual one may be another.
    ...(reducer === undefined && metric !== usual && { metric }),
  };
}
