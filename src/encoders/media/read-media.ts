/** Items of image and audio encoders, from where they lie to their bytes. */
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FungiError } from '../../core/errors.js';
import { sha256 } from '../../core/fingerprint.js';
import { firstFew } from '../../core/first-few.js';
import type { Item } from '../../core/item.js';

export interface MediaLimits {
  /** Largest file. */
  readonly maxBytes: number;
}

const DATA_URL = /^data:(?:[\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/i;
const BASE64 = /^[\w+/-]*={0,2}\s*$/;
/** A path on Windows begins like a scheme of one letter. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

/** Whether an item holds its bytes itself: any other is read as a path, or refused. */
export const isDataUrl = (item: Item): boolean => DATA_URL.test(item);

/** As an error names it: a data URL would fill the screen. */
export function nameOf(item: Item): string {
  return item.startsWith('data:') ? `${item.slice(0, 32)}… (${item.length} characters)` : item;
}

/**
 * The bytes of each item: of a file by its path or `file:` URL, or of a base64 `data:` URL. Nothing is fetched.
 *
 * @throws {FungiError} as {@link assertMedia}, and INVALID_MEDIA for an empty file and a damaged data URL
 */
export async function readMedia(items: readonly Item[], limits: MediaLimits): Promise<Uint8Array[]> {
  const bytes: Uint8Array[] = [];
  for (const item of items) bytes.push(await readOne(item, limits));
  return bytes;
}

/**
 * sha256 of each item's bytes.
 *
 * @throws {FungiError} as {@link assertMedia} and {@link readMedia}
 */
export async function mediaDigests(items: readonly Item[], limits: MediaLimits): Promise<string[]> {
  await assertMedia(items, limits);
  const known = new Map<Item, string>();
  for (const item of items) if (!known.has(item)) known.set(item, sha256(await readOne(item, limits)));
  return items.map((item) => known.get(item)!);
}

/**
 * That every item is there, before anything is computed: all that are missing are named at once.
 *
 * @throws {FungiError} FILE_NOT_FOUND naming the files; INVALID_MEDIA for a remote address, an unknown scheme, or too large a file
 */
export async function assertMedia(items: readonly Item[], { maxBytes }: MediaLimits): Promise<void> {
  const missing: string[] = [];
  for (const item of new Set(items)) {
    if (isDataUrl(item)) continue;
    const path = pathOf(item);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true) missing.push(path);
    else assertSize(path, found.size, maxBytes);
  }
  if (missing.length === 0) return;
  throw new FungiError(
    'FILE_NOT_FOUND',
    `${missing.length === 1 ? 'a media file is' : `${missing.length} media files are`} missing: ${firstFew(missing)}`,
    {
      hint: 'Images and sounds are named by their path, from the current folder, or in a data file from its folder.',
      details: { missing },
    },
  );
}

async function readOne(item: Item, { maxBytes }: MediaLimits): Promise<Uint8Array> {
  const header = DATA_URL.exec(item)?.[0];
  const name = nameOf(item);
  if (header !== undefined) {
    const encoded = item.slice(header.length);
    assertSize(name, Math.floor((encoded.length * 3) / 4), maxBytes);
    if (!BASE64.test(encoded))
      throw new FungiError('INVALID_MEDIA', `${name}: is not base64`, { hint: 'Encode the bytes as base64.' });
    return notEmpty(name, Buffer.from(encoded, 'base64'));
  }
  await assertMedia([item], { maxBytes });
  const path = pathOf(item);
  try {
    return notEmpty(path, await readFile(path));
  } catch (cause) {
    if (FungiError.is(cause)) throw cause;
    throw new FungiError('FILE_NOT_FOUND', `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
}

function pathOf(item: Item): string {
  const scheme = SCHEME.exec(item)?.[1]?.toLowerCase();
  if (item.trim() === '' || item.includes('\0'))
    throw new FungiError('INVALID_MEDIA', `${JSON.stringify(item)}: is no path`, { hint: 'Name a file.' });
  if (scheme === undefined) return item;
  if (scheme === 'file') {
    try {
      return fileURLToPath(item);
    } catch (cause) {
      throw new FungiError('INVALID_MEDIA', `${nameOf(item)}: is no file URL of this machine`, { cause });
    }
  }
  if (scheme === 'data')
    throw new FungiError('INVALID_MEDIA', `${nameOf(item)}: a data URL has to be data:TYPE;base64,BYTES`);
  throw new FungiError('INVALID_MEDIA', `${nameOf(item)}: media are read from files and data URLs, never fetched`, {
    hint: 'Download the file first, and name its path.',
  });
}

function assertSize(name: string, size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  const MB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  throw new FungiError('INVALID_MEDIA', `${name}: ${MB(size)}, and at most ${MB(maxBytes)} are read`, {
    hint: 'Make the file smaller: encoders look at small images and short sounds.',
    details: { bytes: size, maxBytes },
  });
}

function notEmpty(name: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0) return bytes;
  throw new FungiError('INVALID_MEDIA', `${name}: the file is empty`, { hint: 'Fetch it again, or leave it out.' });
}
