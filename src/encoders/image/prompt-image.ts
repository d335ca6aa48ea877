/** Images for a prompt: small, upright, and without what a camera writes into the file (place and time among it). */
import { openPicture, read, unreadable } from './picture.js';

export interface PromptImage {
  readonly type: 'image/jpeg' | 'image/png';
  readonly bytes: Uint8Array;
}

/** Files that drawings and screenshots come in: what JPEG does to their edges is seen. */
const DRAWN = new Set(['png', 'gif']);
/** Of 100, and colours at full resolution: the images are small, and a model is to see what is on them. */
const QUALITY = 90;

/**
 * The first frame in sRGB, over white where it is transparent, shrunk to a longest side and never enlarged. JPEG; of a PNG or GIF the
 * smaller of JPEG and PNG.
 *
 * @param name what messages call it
 * @param side longest side, pixels
 * @throws {FungiError} INVALID_MEDIA
 */
export async function promptImage(bytes: Uint8Array, name: string, side: number): Promise<PromptImage> {
  await openPicture(bytes, name);
  try {
    const { format } = await read(bytes).metadata();
    const small = read(bytes)
      .autoOrient()
      .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .flatten({ background: '#ffffff' });
    const jpeg = await small.clone().jpeg({ quality: QUALITY, chromaSubsampling: '4:4:4' }).toBuffer();
    const png = DRAWN.has(format) ? await small.clone().png({ compressionLevel: 9 }).toBuffer() : undefined;
    return png !== undefined && png.length <= jpeg.length
      ? { type: 'image/png', bytes: png }
      : { type: 'image/jpeg', bytes: jpeg };
  } catch (cause) {
    throw unreadable(name, cause);
  }
}
