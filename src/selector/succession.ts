/** Which generation a new one follows, and what becomes of those that are there when it takes its place. */
import { FungiError } from '../core/errors.js';
import type { Example } from '../core/item.js';
import { silentLogger, type Logger } from '../core/log.js';
import { findPrevious, indexPaths, type IfExists, type Succession } from '../store/index-folder.js';
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
 * What becomes of the present generation, and of the one before it, when that of `manifest` is put in its place. One that is damaged does not take
 * the place of one that can be rolled back to: the log says so. Only under the lock.
 *
 * @throws {FungiError} INVALID_ARGUMENT, STORAGE_FAILED
 */
export async function successionOf(
  indexes: string,
  { name, refitOf }: Manifest,
  ifExists: IfExists = 'replace',
  log: Logger = silentLogger,
): Promise<Succession> {
  const folder = await findPrevious(indexes, name);
  if (ifExists !== 'set-aside' || folder === undefined) return ifExists;
  const previous = await readManifest(folder).catch(nullOf);
  if (refitOf !== undefined && previous?.storeId === refitOf) return 'supersede';
  if (!(await isDamaged(indexPaths(indexes, name).index))) return ifExists;
  log.warn(`index "${name}" is damaged: it is not kept, and the previous generation stays`);
  return 'supersede';
}

/** Not so where only another version can tell. */
async function isDamaged(folder: string): Promise<boolean> {
  return readWhole(folder).then(
    () => false,
    (error: unknown) => {
      if (!FungiError.is(error)) throw error;
      return error.code === 'INDEX_CORRUPT';
    },
  );
}
