/** Which generation a new one follows, and what becomes of those that are there when it takes its place. */
import { FungiError } from '../core/errors.js';
import type { Example } from '../core/item.js';
import { silentLogger } from '../core/log.js';
import { findPrevious, indexPaths, listIndexes, type Succession } from '../store/index-folder.js';
import type { Manifest } from '../store/manifest.js';
import { nullOf, readWhole, surplus } from './generations.js';
import type { BuildOptions } from './options.js';
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
 * What becomes of the present generation, and of the one before it, when that of `manifest` is put in its place. One that is damaged does not
 * take the place of one that can be rolled back to. The log says so, and how many examples go with the previous generation that neither the
 * present one nor `examples`, those of the new one, have. Only under the lock.
 *
 * @throws {FungiError} INVALID_ARGUMENT, STORAGE_FAILED
 */
export async function successionOf(
  indexes: string,
  { name, refitOf }: Manifest,
  examples: readonly Example[],
  { ifExists = 'replace', log = silentLogger }: Pick<BuildOptions, 'ifExists' | 'log'>,
): Promise<Succession> {
  const folder = await findPrevious(indexes, name);
  if (folder === undefined || !(await listIndexes(indexes)).includes(name)) return ifExists; // nothing goes
  const previous = await readWhole(folder).catch(nullOf);
  if (ifExists === 'set-aside' && refitOf !== undefined && previous?.manifest.storeId === refitOf) return 'supersede';
  const present = await readWhole(indexPaths(indexes, name).index).catch(damageOf);
  if (ifExists === 'set-aside' && present === 'damaged') {
    log.warn(`index "${name}" is damaged: it is not kept, and the previous generation stays`);
    return 'supersede';
  }
  const known = typeof present === 'object' ? present.contents : new Map<string, string>();
  const elsewhere = new Set([...known.values(), ...examples.map(contentOf)]);
  const lost = [...(previous?.contents.values() ?? [])].filter((content) => !elsewhere.has(content)).length;
  if (lost > 0) {
    log.warn(
      `index "${name}": ${lost} of the examples of its previous generation ${lost === 1 ? 'is' : 'are'} in no other, or not the same: gone with it now`,
    );
  }
  return ifExists;
}

/** Unknown is what only another version can read. */
function damageOf(error: unknown): 'damaged' | 'unknown' {
  if (!FungiError.is(error)) throw error;
  return error.code === 'INDEX_CORRUPT' ? 'damaged' : 'unknown';
}
