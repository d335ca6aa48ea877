/**
 * Where indexes live: `<root>/<name>/`, complete or absent. Beside it `.previous-<name>`, the generation before it, where that was kept,
 * and while something is under way `.building-<name>` (see index-build.ts), `.replaced-<name>`, `.superseded-<name>` and `.leaving-<name>`
 * (the old index, between the renames of a swap: to be removed with the previous generation or without it, or to become that),
 * `.removing-<name>` (garbage) and `.lock-<name>`. A name never begins with a dot, so these are nobody's index.
 */
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import { FileLock, type LockOptions } from '../core/file-lock.js';
import { onStorage, unlessMissing } from '../core/storage-failure.js';
import { MANIFEST_FILE } from './manifest.js';
import { STORE_ID_FILE } from './store-identity.js';

/**
 * What a build does about an index that has its name. Replaced, it is gone, and the generation before it too; set aside, it is kept as the
 * previous generation, in the place of the one that was.
 */
export type IfExists = 'refuse' | 'replace' | 'set-aside';

/** What becomes of the old index when the new one is in its place. Superseded, it is gone, and the generation before it stays. */
export type Succession = IfExists | 'supersede';

const INDEX_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** @throws {FungiError} INVALID_ARGUMENT */
export function assertIndexName(name: unknown): asserts name is string {
  if (typeof name === 'string' && INDEX_NAME.test(name)) return;
  const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : String(name);
  throw new FungiError('INVALID_ARGUMENT', `${shown} is not an index name`, {
    hint: 'A name has 1 to 63 of a-z, 0-9, "-" and "_", and begins with a letter or digit.',
  });
}

/** The folders of index `name`. @throws {FungiError} INVALID_ARGUMENT */
export function indexPaths(root: string, name: string) {
  assertIndexName(name);
  return {
    index: join(root, name),
    previous: join(root, `.previous-${name}`),
    building: join(root, `.building-${name}`),
    replaced: join(root, `.replaced-${name}`),
    superseded: join(root, `.superseded-${name}`),
    leaving: join(root, `.leaving-${name}`),
    removing: join(root, `.removing-${name}`),
    lock: join(root, `.lock-${name}`),
  } as const;
}

/**
 * The folder of index `name`, for reading. A swap that was killed between its renames is undone first.
 *
 * @throws {FungiError} INDEX_NOT_FOUND naming the indexes there are; INVALID_ARGUMENT, INDEX_LOCKED, STORAGE_FAILED
 */
export async function findIndex(root: string, name: string): Promise<string> {
  const paths = indexPaths(root, name);
  if (!(await isThere(paths.index)) && (await isSwapping(paths))) await (await lockIndex(root, name)).release();
  const occupant = await occupantOf(paths.index);
  if (occupant === 'index') return paths.index;
  if (await isThere(paths.building)) {
    throw notFound(root, name, 'Its build is unfinished: run the same index command again to complete it.');
  }
  if (await isThere(paths.previous)) {
    throw notFound(root, name, `Its previous generation is there: \`fungi indexes rollback ${name}\` brings it back.`);
  }
  const others = await listIndexes(root);
  const hint = others.length > 0 ? `There are: ${others.join(', ')}.` : 'Make one with `fungi index`.';
  throw notFound(root, name, hint, occupant === 'other' ? `: what lies at ${paths.index} is something else` : '');
}

/**
 * The folder of the generation before the present one, for reading; undefined where none is kept. A swap that was killed is ended first.
 *
 * @throws {FungiError} INVALID_ARGUMENT, INDEX_LOCKED, STORAGE_FAILED
 */
export async function findPrevious(root: string, name: string): Promise<string | undefined> {
  const paths = indexPaths(root, name);
  if (await isSwapping(paths)) await (await lockIndex(root, name)).release();
  return (await isThere(paths.previous)) ? paths.previous : undefined;
}

/**
 * Takes the right to change index `name`: to build or replace it, to add or remove rows. Readers need no lock.
 *
 * @throws {FungiError} INDEX_LOCKED when another process has it and does not let go in time; INDEX_NOT_FOUND when there is no
 * `root`; INVALID_ARGUMENT, STORAGE_FAILED
 */
export async function lockIndex(root: string, name: string, options?: LockOptions): Promise<FileLock> {
  const paths = indexPaths(root, name);
  if (!(await isThere(root))) throw notFound(root, name, 'Make one with `fungi index`.');
  const lock = await FileLock.acquire(paths.lock, `index "${name}"`, options);
  try {
    await recover(paths);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}

/** Names of the indexes in `root`, sorted; none when there is no such folder. @throws {FungiError} STORAGE_FAILED */
export async function listIndexes(root: string): Promise<string[]> {
  const entries = await onStorage(`listing ${root}`, () => unlessMissing(readdir(root, { withFileTypes: true })));
  const names = new Set<string>();
  for (const { name: entry } of entries ?? []) {
    // An index that a killed swap put aside is there: whoever opens it puts it back.
    const name = entry.replace(/^\.(replaced|superseded|leaving)-/, '');
    if (INDEX_NAME.test(name) && (await occupantOf(join(root, entry))) === 'index') names.add(name);
  }
  return [...names].sort();
}

/**
 * Removes index `name`, its previous generation and what an unfinished build of it left.
 *
 * @throws {FungiError} INDEX_NOT_FOUND, also for a file or folder of that name that is no index; INDEX_LOCKED,
 * INVALID_ARGUMENT, STORAGE_FAILED
 */
export async function removeIndex(root: string, name: string, options?: LockOptions): Promise<void> {
  const paths = indexPaths(root, name);
  if (!(await isThere(paths.building)) && !(await isThere(paths.previous))) await findIndex(root, name);
  const lock = await lockIndex(root, name, options);
  try {
    await assertFree(root, name, 'replace');
    await lock.assertHeld();
    await discard(paths.previous, paths.removing); // first: after a kill the index is there, and can be removed
    await discard(paths.index, paths.removing);
    await onStorage(`removing ${paths.building}`, () => rm(paths.building, { recursive: true, force: true }));
  } finally {
    await lock.release();
  }
}

/**
 * Refuses a name that a build may not take: that of anything but an index, which nobody here may delete, and that of an index
 * unless it is to be replaced. Only under the lock.
 *
 * @throws {FungiError} INVALID_ARGUMENT, INDEX_EXISTS, STORAGE_FAILED
 */
export async function assertFree(root: string, name: string, ifExists: Succession): Promise<void> {
  const { index } = indexPaths(root, name);
  const occupant = await occupantOf(index);
  if (occupant === 'other') {
    throw new FungiError('INVALID_ARGUMENT', `${index} is there already, and is not an index: it is left alone`, {
      hint: 'Choose another name, or keep indexes in a folder of their own (--indexes DIR).',
      details: { path: index },
    });
  }
  if (occupant === 'index' && ifExists === 'refuse') {
    throw new FungiError('INDEX_EXISTS', `index "${name}" in ${root} exists already`, {
      hint: 'Choose another name, or replace it with --force.',
      details: { root, name },
    });
  }
}

/**
 * Puts the complete folder `from` in the place of index `name`; the old one goes at the very end, or is the previous generation from then
 * on, as `succession` says. Only under the lock.
 *
 * @throws {FungiError} what {@link assertFree} throws
 */
export async function putInPlace(root: string, name: string, from: string, succession: Succession): Promise<void> {
  const paths = indexPaths(root, name);
  await assertFree(root, name, succession);
  const { replaced, superseded, leaving } = paths;
  await swap(
    root,
    paths,
    from,
    { refuse: replaced, replace: replaced, supersede: superseded, 'set-aside': leaving }[succession],
  );
}

/**
 * Puts the previous generation of index `name` in its place, and the index in that of the previous generation. Only under the lock.
 *
 * @throws {FungiError} what {@link assertFree} throws
 */
export async function swapGenerations(root: string, name: string): Promise<void> {
  const paths = indexPaths(root, name);
  await assertFree(root, name, 'set-aside');
  await swap(root, paths, paths.previous, paths.leaving);
}

type Paths = ReturnType<typeof indexPaths>;

/** @param aside where the old index is meanwhile, which says what becomes of it: see {@link recover} */
async function swap(root: string, paths: Paths, from: string, aside: string): Promise<void> {
  const { index } = paths;
  await onStorage(`publishing ${index}`, async () => {
    if (await isThere(index)) await rename(index, aside);
    await rename(from, index);
    await syncFolder(root); // before the old one goes: after a power cut one of the two is there
  });
  await recover(paths);
}

const isSwapping = async ({ replaced, superseded, leaving }: Paths): Promise<boolean> =>
  (await isThere(replaced)) || (await isThere(superseded)) || (await isThere(leaving));

/**
 * Ends a swap, also one that was killed: either the new index is in place, and the old one garbage or the previous generation, or the old
 * one returns, unless something else took its place meanwhile. Only under the lock.
 */
async function recover({ index, previous, replaced, superseded, leaving, removing }: Paths): Promise<void> {
  await onStorage(`recovering ${index}`, async () => {
    await rm(removing, { recursive: true, force: true });
    for (const aside of [replaced, superseded, leaving]) {
      if (!(await isThere(aside))) continue;
      const occupant = await occupantOf(index);
      if (occupant === 'nothing') await rename(aside, index);
      if (occupant !== 'index') continue;
      if (aside !== superseded) await discard(previous, removing);
      if (aside === leaving) await rename(leaving, previous);
      else await discard(aside, removing);
    }
  });
}

/** Renamed before it is removed: a kill halfway leaves garbage, never half an index under its name. */
async function discard(folder: string, garbage: string): Promise<void> {
  await onStorage(`removing ${folder}`, async () => {
    if (!(await isThere(folder))) return;
    await rename(folder, garbage);
    await rm(garbage, { recursive: true, force: true });
  });
}

const notFound = (root: string, name: string, hint: string, instead = ''): FungiError =>
  new FungiError('INDEX_NOT_FOUND', `there is no index "${name}" in ${root}${instead}`, {
    hint,
    details: { root, name },
  });

/**
 * What lies at a path. An index that lost its manifest or its store-id is still one, and may be replaced and removed; another
 * program's manifest.json makes none.
 */
async function occupantOf(path: string): Promise<'nothing' | 'index' | 'other'> {
  return onStorage(`reading ${path}`, async () => {
    const found = await unlessMissing(stat(path));
    if (found === undefined) return 'nothing';
    if (!found.isDirectory()) return 'other';
    if (await isThere(join(path, STORE_ID_FILE))) return 'index';
    const manifest = join(path, MANIFEST_FILE);
    const isFile = (await unlessMissing(stat(manifest)))?.isFile() === true;
    return isFile && isOurs(await readFile(manifest, 'utf8')) ? 'index' : 'other';
  });
}

function isOurs(manifest: string): boolean {
  try {
    const value = JSON.parse(manifest) as Record<string, unknown> | null;
    return typeof value?.['schemaVersion'] === 'number' && typeof value['fingerprint'] === 'string';
  } catch {
    return false;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await onStorage(`reading ${path}`, () => unlessMissing(stat(path)))) !== undefined;
}
