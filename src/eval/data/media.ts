/** Images and sounds in data: by what their files and their keys are called. Which of them an encoder reads it says itself. */
import { extname, isAbsolute, resolve } from 'node:path';
import { itemKey } from '../../core/duplicates.js';
import { FungiError } from '../../core/errors.js';
import type { Item, Modality } from '../../core/item.js';

/** Keys whose value is no text but says where an image or a sound lies. */
export const MEDIA_KEYS = ['image', 'audio'] as const;

const IMAGES = ['.jpg', '.jpeg', '.png', '.webp', '.avif', '.tif', '.tiff', '.gif'];
const SOUNDS = ['.wav', '.flac', '.mp3', '.ogg', '.oga', '.opus'];

const MODALITY: ReadonlyMap<string, MediaModality> = new Map([
  ...IMAGES.map((extension) => [extension, 'image'] as const),
  ...SOUNDS.map((extension) => [extension, 'audio'] as const),
]);

type MediaModality = Exclude<Modality, 'text'>;

export const isMediaFile = (path: string): boolean => modalityOfFile(path) !== undefined;

const modalityOfFile = (path: string): MediaModality | undefined => MODALITY.get(extname(path).toLowerCase());

/** As readers name media: a path that counts from the data's folder is made whole. */
function modalityOf(item: Item): Modality {
  const inlined = /^data:(image|audio)\//i.exec(item)?.[1]?.toLowerCase();
  if (inlined !== undefined) return inlined as MediaModality;
  return isAbsolute(item) || item.startsWith('file:') ? (modalityOfFile(item) ?? 'text') : 'text';
}

/**
 * What the items are, as far as their names say: images or sounds only where all are.
 *
 * @throws {FungiError} INVALID_DATA where some are images and the others sounds
 */
export function modalityOfAll(items: readonly Item[]): Modality {
  const found = new Set(items.map(modalityOf));
  if (found.size === 1) return [...found][0]!;
  if (found.has('text')) return 'text';
  throw new FungiError('INVALID_DATA', 'the data hold images and sounds', {
    hint: 'Evaluate them apart: no encoder reads both.',
  });
}

/** What an item of data is the same by: a text but for case and spaces, a file by its name to the letter. */
export const sameBy = (item: Item): string => itemKey(item, modalityOf(item));

/** A path in a data file counts from that file's folder; URLs and absolute paths stay. */
export function besideData(path: string, folder: string): string {
  return isAbsolute(path) || /^[a-z][a-z0-9+.-]+:/i.test(path) ? path : resolve(folder, path);
}
