/** The two generations of an index: the present one, and the one before it that a refit, or a build that was told to, has kept. */
import { FungiError } from '../core/errors.js';
import { silentLogger } from '../core/log.js';
import { findIndex, findPrevious, indexPaths, lockIndex, swapGenerations } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import { readManifest, verifyArtefacts, type Manifest } from '../store/manifest.js';
import { DEFAULT_INDEXES, type IndexPlace } from './options.js';
import { contentOf, storedExamples } from './stored-examples.js';
import { isNeeded } from './votes-file.js';

export interface Generation {
  readonly manifest: Manifest;
  /** Rows there are now, null where they cannot be read. */
  readonly rows: number | null;
}

/** A generation beside another. */
export interface ComparedGeneration extends Generation {
  /** Rows that the other has not, or not the same; null where one of the two cannot be read. */
  readonly own: number | null;
}

export interface Rollback {
  /** In place again. */
  readonly present: ComparedGeneration;
  /** The one that was left: another rollback brings it back. Undefined where nothing was in the place, or its manifest cannot be read. */
  readonly previous: ComparedGeneration | undefined;
}

/**
 * The generation before the present one, undefined where none is kept.
 *
 * @throws {FungiError} INDEX_CORRUPT when it is damaged; INVALID_ARGUMENT, INDEX_LOCKED, STORAGE_FAILED
 */
export async function previousGeneration({
  name,
  indexes = DEFAULT_INDEXES,
}: IndexPlace): Promise<Generation | undefined> {
  const folder = await findPrevious(indexes, name);
  if (folder === undefined) return undefined;
  return { manifest: await readManifest(folder), rows: await countRows(folder) };
}

/**
 * Rows of an index now; its manifest counts those of the build. Null for a table that cannot be counted: verifying says what is wrong with
 * it, and with rows whose number is right.
 */
export async function countRows(folder: string): Promise<number | null> {
  return LanceStore.count(folder).catch(nullOf);
}

/**
 * Swaps the generations of an index. Examples that were added to the present one stay in it, and are said to the log before. The present
 * one need not be whole, the other is checked.
 *
 * @throws {FungiError} INDEX_NOT_FOUND where no other generation is kept; INDEX_CORRUPT when that one is damaged; INDEX_LOCKED,
 * INVALID_ARGUMENT, STORAGE_FAILED (and the present one stays)
 */
export async function rollbackIndex({
  name,
  indexes = DEFAULT_INDEXES,
  log = silentLogger,
}: IndexPlace): Promise<Rollback> {
  if ((await findPrevious(indexes, name)) === undefined) {
    await findIndex(indexes, name);
    throw noPrevious(indexes, name);
  }
  const lock = await lockIndex(indexes, name);
  try {
    const folder = await findPrevious(indexes, name);
    if (folder === undefined) throw noPrevious(indexes, name);
    const { manifest, contents: there } = await readWhole(folder);
    const left = await presentOf(indexes, name);
    const [own, lost] = [surplus(there, left?.contents ?? null), surplus(left?.contents ?? null, there)];
    if (lost === null) {
      log.warn(`index "${name}" cannot be read: what of it the previous generation lacks is not known`);
    } else if (lost > 0) {
      log.warn(
        `index "${name}": ${lost} of its examples ${lost === 1 ? 'is' : 'are'} not in the previous generation, or not the same: until the next rollback they are out of use, and gone with the next refit or build`,
      );
    }
    await lock.assertHeld();
    await swapGenerations(indexes, name);
    return {
      present: { manifest, rows: there.size, own },
      previous: left && { manifest: left.manifest, rows: left.contents?.size ?? null, own: lost },
    };
  } finally {
    await lock.release();
  }
}

/** By id, what an example is: see {@link contentOf}. */
export type Contents = ReadonlyMap<string, string>;

/** A generation with the examples that it holds. @throws {FungiError} INDEX_CORRUPT when a part of it that answers need is damaged; STORAGE_FAILED */
export async function readWhole(folder: string) {
  const manifest = await readManifest(folder);
  await verifyArtefacts(folder, manifest, isNeeded);
  return { manifest, contents: await contentsOf(folder, manifest) };
}

/** What the examples are, by id. */
async function contentsOf(folder: string, manifest: Manifest): Promise<Contents> {
  const contents = new Map<string, string>();
  for await (const example of storedExamples({ folder, manifest })) contents.set(example.id, contentOf(example));
  return contents;
}

/** The index that is to be left, as far as it can be read. */
async function presentOf(indexes: string, name: string) {
  const folder = indexPaths(indexes, name).index;
  const manifest = await readManifest(folder).catch(nullOf);
  if (manifest === null) return undefined;
  return { manifest, contents: await contentsOf(folder, manifest).catch(nullOf) };
}

/** Examples of one that the other has not, or not the same; null where one of the two is not known. */
export function surplus(one: Contents | null, other: Contents | null): number | null {
  if (one === null || other === null) return null;
  return [...one].filter(([id, content]) => other.get(id) !== content).length;
}

export function nullOf(error: unknown): null {
  if (!FungiError.is(error)) throw error;
  return null;
}

const noPrevious = (root: string, name: string): FungiError =>
  new FungiError('INDEX_NOT_FOUND', `index "${name}" in ${root} has no previous generation`, {
    hint: `A refit keeps one (\`fungi indexes refit ${name}\`), and a build with --keep-previous.`,
    details: { root, name },
  });
