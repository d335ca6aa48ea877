/** Images and sounds in data: by what their files and their keys are called. Which of them an encoder reads it says itself. */
import { extname, isAbsolute, resolve } from 'node:path';

/** Keys whose value is no text but says where an image or a sound lies. */
export const MEDIA_KEYS = ['image', 'audio'] as const;

const EXTENSIONS: ReadonlySet<string> = new Set([
  ...['.jpg', '.jpeg', '.png', '.webp', '.avif', '.tif', '.tiff', '.gif'],
  ...['.wav', '.flac', '.mp3', '.ogg', '.oga', '.opus'],
]);

export const isMediaFile = (path: string): boolean => EXTENSIONS.has(extname(path).toLowerCase());

/** A path in a data file counts from that file's folder; URLs and absolute paths stay. */
export function besideData(path: string, folder: string): string {
  return isAbsolute(path) || /^[a-z][a-z0-9+.-]+:/i.test(path) ? path : resolve(folder, path);
}
