/** Options of images and sounds in a prompt, where there are none. */
import { FungiError } from '../core/errors.js';
import type { Modality } from '../core/item.js';
import type { MediaOptions } from './selection.js';

/**
 * @param source what holds the examples, "the index"
 * @param modality of the examples
 * @throws {FungiError} INVALID_ARGUMENT for an option that is given
 */
export function refuseMediaOptions(
  media: { readonly [K in keyof MediaOptions]?: MediaOptions[K] | undefined } | undefined,
  source: string,
  modality: Exclude<Modality, 'image'>,
): void {
  const given = Object.entries(media ?? {}).find(([, value]) => value !== undefined)?.[0];
  if (given === undefined) return;
  const isText = modality === 'text';
  throw new FungiError(
    'INVALID_ARGUMENT',
    `media.${given} was given, and ${source} holds ${isText ? 'texts' : 'sounds'}`,
    {
      hint: isText
        ? 'Leave it out: it is for prompts of images and sounds.'
        : 'Leave it out: endpoints take sounds whole, and no address of one.',
    },
  );
}

/** @throws {FungiError} INVALID_ARGUMENT for a size that is no whole number from 1 */
export function assertCounts({ imageSide, maxBytes }: MediaOptions): void {
  for (const [name, value] of Object.entries({ imageSide, maxBytes })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new FungiError('INVALID_ARGUMENT', `media.${name} is ${value}: it must be a whole number from 1`);
  }
}
