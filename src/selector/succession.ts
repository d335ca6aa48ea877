/** Which generation a new one follows, and what becomes of those that are there when it takes its place. */
import type { Example } from '../core/item.js';
import { findPrevious, type IfExists, type Succession } from '../store/index-folder.js';
import { readManifest, type Manifest } from '../store/manifest.js';
import { nullOf, readWhole, surplus } from './generations.js';
import { contentOf } from './stored-examples.js';

/**
 * Store of the generation that a refit of the present one, which holds `examples`, follows: the present one's. Where that is itself a refit
 * of the previous one, and both hold the same examples, it is the previous one's: nothing was done since, and a refit that ended before it
 * could say so, and is run again, would else leave two of the same and none to roll back to. Only under the lock.
 *
 * @throws {FungiError} INVALID_ARGUMENT, STORAGE_FAILED
 */
export async function precursorOf(indexes: string, present: Manifest, examples: readonly Example[]): Promise<string> {
  const folder = await findPrevious(indexes, present.name);
  if (folder === undefined || present.refitOf === undefined) return present.storeId;
  const previous = await readWhole(folder).catch(nullOf);
  if (previous?.manifest.storeId !== present.refitOf) return present.storeId;
  const held = new Map(examples.map((example) => [example.id, contentOf(example)]));
  const isSame = surplus(held, previous.contents) === 0 && surplus(previous.contents, held) === 0;
  return isSame ? present.refitOf : present.storeId;
}

/**
 * What becomes of the present generation when that of `manifest` is put in its place. Only under the lock.
 *
 * @throws {FungiError} INVALID_ARGUMENT, STORAGE_FAILED
 */
export async function successionOf(
  indexes: string,
  { name, refitOf }: Manifest,
  ifExists: IfExists = 'replace',
): Promise<Succession> {
  const folder = await findPrevious(indexes, name);
  if (ifExists !== 'set-aside' || folder === undefined) return ifExists;
  const previous = await readManifest(folder).catch(nullOf);
  return refitOf !== undefined && previous?.storeId === refitOf ? 'supersede' : ifExists;
}
