/** A finished download becomes a folder of the cache in one step. */
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Renames `from` to `to`. When `to` exists already (another process was faster, or this download adds a file to it), its files
 * are replaced one by one instead, each by a rename.
 */
export async function installFolder(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error;
    if ((await stat(to).catch(() => undefined))?.isDirectory() !== true) throw error;
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      await (entry.isDirectory() ? installFolder(source, target) : rename(source, target));
    }
  }
}
