/** Files gathered in one real folder, because onnxruntime follows no link out of a model's folder. */
import { copyFile, link, mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fingerprint } from '../core/fingerprint.js';
import { silentLogger, type Logger } from '../core/log.js';

/**
 * A folder of the cache in which each of `files` lies under its own name: a hard link, or a copy where the cache is on another
 * disk. The same unchanged files give the same folder.
 */
export async function linkedFolder(
  files: readonly string[],
  cacheDir: string,
  log: Logger = silentLogger,
): Promise<string> {
  const sources = await Promise.all(
    files.map(async (file) => {
      const path = await realpath(file);
      const { size, mtimeNs } = await stat(path, { bigint: true });
      return { path, name: basename(file), size: Number(size), version: `${size}/${mtimeNs}` };
    }),
  );
  const key = fingerprint(sources.map(({ path, name, version }) => [path, name, version])).slice(0, 16);
  const folder = join(cacheDir, 'linked', key);
  await mkdir(folder, { recursive: true });
  for (const { path, name, size } of sources) {
    const target = join(folder, name);
    if ((await stat(target).catch(() => undefined))?.size === size) continue;
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      await link(path, temporary).catch(async () => {
        log.info(`copying ${path} (${size} bytes) into the cache, which is on another disk`);
        await copyFile(path, temporary);
      });
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  return folder;
}
