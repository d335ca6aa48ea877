/**
 * Items that a client sent. To the library an item of an image or audio encoder may be a path: a server that handed one on would read
 * its own files for whoever asks. So media come in the request, and nothing else passes.
 */
import { FungiError } from '../../core/errors.js';
import type { Item, Modality } from '../../core/item.js';
import { isDataUrl } from '../../encoders/media/read-media.js';

/** Of one text. Encoders read far less; what is longer is work for nothing. */
export const MAX_TEXT_LENGTH = 100_000;

/**
 * @param modality what the encoder reads that will get them
 * @param where names an item in the error by its place
 * @throws {FungiError} INVALID_MEDIA for anything but a data URL where media are read; INVALID_TEXT for too long a text
 */
export function assertClientItems(items: readonly Item[], modality: Modality, where: (place: number) => string): void {
  items.forEach((item, i) => {
    if (modality === 'text') assertLength(item, where(i));
    else if (!isDataUrl(item)) throw noMedium(modality, where(i));
  });
}

/** For one query, or many. */
export const queryAt =
  (count: number) =>
  (place: number): string =>
    count === 1 ? 'query' : `query ${place}`;

/**
 * An example's input as clients may see it: null for a medium that lies in a file of the server, whose path is nobody's business.
 */
export const shownInput = (input: Item, modality: Modality): Item | null =>
  modality === 'text' || isDataUrl(input) ? input : null;

function assertLength(text: string, where: string): void {
  if (text.length <= MAX_TEXT_LENGTH) return;
  throw new FungiError('INVALID_TEXT', `${where}: ${text.length} characters; a text has at most ${MAX_TEXT_LENGTH}`, {
    hint: 'Send its beginning: encoders read some hundred words.',
    details: { characters: text.length, limit: MAX_TEXT_LENGTH },
  });
}

const noMedium = (modality: Exclude<Modality, 'text'>, where: string): FungiError =>
  new FungiError('INVALID_MEDIA', `${where}: ${modality === 'image' ? 'an image' : 'a sound'} is sent as a data URL`, {
    hint: `Write data:${modality === 'image' ? 'image/png' : 'audio/wav'};base64,… with the file's bytes. Paths and addresses are never opened.`,
  });
