/** Data of images or sounds are not for a text encoder: it would read the paths. */
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import { modalityOfAll } from '../eval/data/media.js';
import { DEFAULT_ENCODER } from '../selector/options.js';

/** Which encoders read what files hold, and the section of the docs that has them. */
const FITTING: Readonly<Record<Exclude<Modality, 'text'>, { readonly items: string; readonly hint: string }>> = {
  image: {
    items: 'images',
    hint: 'Name an image encoder (DINOv2, ViT, DeiT, BEiT, CLIP, SigLIP): --encoder ./models/dinov2-small (docs/encoders.md#images).',
  },
  audio: {
    items: 'sounds',
    hint: 'Name an audio encoder (Whisper, AST, wav2vec2, HuBERT): --encoder ./models/whisper-tiny (docs/encoders.md#sounds).',
  },
};

/**
 * @param hint what to do about it @default the encoders that read such files
 * @throws {FungiError} INVALID_DATA where an encoder of texts is given files of images or sounds, one and all
 */
export function assertReads(
  encoder: { readonly id: string; readonly modality: Modality },
  examples: readonly { readonly input: Item }[],
  where: string,
  hint?: string,
): void {
  if (encoder.modality !== 'text') return;
  const modality = modalityOfAll(examples.map(({ input }) => input));
  if (modality === 'text') return;
  const { items, hint: fitting } = FITTING[modality];
  const reader = encoder.id === DEFAULT_ENCODER ? `${encoder.id}, the default encoder,` : encoder.id;
  throw new FungiError('INVALID_DATA', `${where}: holds ${items}, and ${reader} reads texts`, {
    hint: hint ?? fitting,
  });
}
