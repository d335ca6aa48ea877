/** Data of images or sounds are not for a text encoder: it would read the paths. */
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import { modalityOfAll } from '../eval/data/media.js';

/**
 * @param hint what to do about it
 * @throws {FungiError} INVALID_DATA where an encoder of texts is given files of images or sounds, one and all
 */
export function assertReads(
  encoder: { readonly id: string; readonly modality: Modality },
  examples: readonly { readonly input: Item }[],
  where: string,
  hint = 'Name an image or audio encoder: --encoder ./models/dinov2-small (docs/encoders.md).',
): void {
  if (encoder.modality !== 'text' || modalityOfAll(examples.map(({ input }) => input)) === 'text') return;
  throw new FungiError('INVALID_DATA', `${where}: holds images or sounds, and ${encoder.id} reads texts`, { hint });
}
