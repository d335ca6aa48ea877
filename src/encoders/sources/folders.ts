/** The places on disk a model may already be in: a folder the user names, our cache, the cache of Hugging Face's tools. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isModelId } from './model-id.js';

/** Where a place was looked for, and the folder when there is one. */
export interface Place {
  readonly path: string;
  readonly exists: boolean;
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true;

/** The id taken as a path; `~` is the home folder, since a shell does not expand it in quotes. */
export async function namedFolder(id: string): Promise<Place> {
  const path = resolve(/^~(?=[/\\]|$)/.test(id) ? join(homedir(), id.slice(1)) : id);
  return { path, exists: await isFolder(path) };
}

/** `<cacheDir>/models/org--name` */
export function cacheFolder(id: string, cacheDir: string): string {
  return join(cacheDir, 'models', id.replaceAll('/', '--'));
}

export async function cachedFolder(id: string, cacheDir: string): Promise<Place> {
  const path = cacheFolder(id, cacheDir);
  return { path, exists: isModelId(id) && (await isFolder(path)) };
}

/**
 * The snapshot that `refs/main` of `models--org--name` names, else the only or last one. Layout:
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
export async function hubCacheSnapshot(id: string, hubCacheDir: string): Promise<Place> {
  const repository = join(hubCacheDir, `models--${id.replaceAll('/', '--')}`);
  if (!isModelId(id)) return { path: repository, exists: false };
  const snapshots = join(repository, 'snapshots');
  const main = await readFile(join(repository, 'refs', 'main'), 'utf8').catch(() => '');
  const known = (await readdir(snapshots).catch((): string[] => [])).sort();
  const revision = known.includes(main.trim()) ? main.trim() : known.at(-1);
  return revision === undefined
    ? { path: repository, exists: false }
    : { path: join(snapshots, revision), exists: await isFolder(join(snapshots, revision)) };
}
