/** Files gathered in one real folder, because onnxruntime follows no link out of a model's folder. */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fingerprint } from '../core/fingerprint.js';
import { silentLogger, type Logger } from '../core/log.js';

/** A file, and the name that it is to have in the folder: its own, or a path below it. */
export interface LinkedFile {
  readonly path: string;
  readonly name: string;
}

/**
 * A folder of the cache in which each of `files` lies under its name: a hard link, or a copy where the cache is on another disk. The
 * same unchanged files give the same folder.
 */
export async function linkedFolder(
  files: readonly (string | LinkedFile)[],
  cacheDir: string,
  log: Logger = silentLogger,
): Promise<string> {
  const sources = await Promise.all(
    files.map(async (file) => {
      const path = await realpath(typeof file === 'string' ? file : file.path);
      const { size, mtimeNs } = await stat(path, { bigint: true });
      return {
        path,
        name: typeof file === 'string' ? basename(file) : file.name,
        size: Number(size),
        version: `${size}/${mtimeNs}`,
      };
    }),
  );
  const key = fingerprint(sources.map(({ path, name, version }) => [path, name, version])).slice(0, 16);
  const folder = join(cacheDir, 'linked', key);
  await mkdir(folder, { recursive: true });
  for (const { path, name, size } of sources) {
    const target = join(folder, name);
    if (await isWhole(target, size)) continue;
    await mkdir(dirname(target), { recursive: true });
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      await link(path, temporary).catch(async (error: unknown) => {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (!NO_LINKS.has(code)) throw error;
        log.info(`copying ${path} (${size} bytes) into the cache, to which it cannot be linked (${code})`);
        await copyFile(path, temporary);
      });
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  return folder;
}

const isWhole = async (path: string, size: number): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.size === size;

/** What a file system says that has no hard links, or none from where the file lies. */
const NO_LINKS: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS']);
