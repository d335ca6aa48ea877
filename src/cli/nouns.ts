/** What messages call the items of an encoder. */
import type { Modality } from '../core/item.js';
import { modalityOf, type EncoderSpec } from '../store/manifest.js';

const NOUNS: Readonly<Record<Modality, string>> = { text: 'text', image: 'image', audio: 'sound' };

/** "text", "image" or "sound". */
export const nounOf = (modality: Modality): string => NOUNS[modality];

/** {@link nounOf} what an encoder reads, as an index or a report describes it; of rows that none reads, "text". */
export const itemNoun = (encoder: Pick<EncoderSpec, 'id'> | null): string =>
  NOUNS[(encoder === null ? undefined : modalityOf(encoder as EncoderSpec)) ?? 'text'];
