/** Media as a prompt carries them, made of items of an image or audio encoder. */
import { sha256 } from '../../core/fingerprint.js';
import type { Item } from '../../core/item.js';
import { AUDIO_LIMITS } from '../audio/clip.js';
import { promptSound, type PromptSound } from '../audio/prompt-sound.js';
import { IMAGE_LIMITS } from '../image/picture.js';
import { promptImage, type PromptImage } from '../image/prompt-image.js';
import { nameOf, readMedia } from './read-media.js';

export type PromptMedia = PromptImage | PromptSound;

/** What is kept for further prompts: examples near one query are mostly near others. */
const KEPT_BYTES = 64 * 2 ** 20;

export class PromptMediaReader {
  /** By sha256 of the file and size, the last used one last. */
  private readonly kept = new Map<string, PromptMedia>();
  private keptBytes = 0;

  /** @throws {FungiError} FILE_NOT_FOUND, INVALID_MEDIA. @param side longest side, pixels */
  async image(item: Item, side: number): Promise<PromptMedia> {
    return this.read(item, IMAGE_LIMITS, `${side}`, (bytes) => promptImage(bytes, nameOf(item), side));
  }

  /** @throws {FungiError} FILE_NOT_FOUND, INVALID_MEDIA */
  async sound(item: Item): Promise<PromptMedia> {
    return this.read(item, AUDIO_LIMITS, '', (bytes) => promptSound(bytes, nameOf(item)));
  }

  /** The file is read each time: what lies there may be another one by now. */
  private async read(
    item: Item,
    limits: { readonly maxBytes: number },
    settings: string,
    make: (bytes: Uint8Array) => Promise<PromptMedia>,
  ): Promise<PromptMedia> {
    const [bytes] = await readMedia([item], limits);
    const key = `${sha256(bytes!)} ${settings}`;
    const known = this.kept.get(key);
    const media = known ?? (await make(bytes!));
    this.keep(key, media);
    return media;
  }

  private keep(key: string, media: PromptMedia): void {
    if (!this.kept.delete(key)) this.keptBytes += media.bytes.length;
    this.kept.set(key, media);
    for (const [oldest, { bytes }] of this.kept) {
      if (this.keptBytes <= KEPT_BYTES) break;
      this.kept.delete(oldest);
      this.keptBytes -= bytes.length;
    }
  }
}
