/** Media that lie in memory as items: what a file would hold, in a `data:` URL. */
import type { Sharp } from 'sharp';
import { FungiError } from '../../core/errors.js';
import type { Item } from '../../core/item.js';
import { floatWavFile } from '../audio/wav-file.js';

/** Pixels, row by row, channels of a pixel side by side: grey, grey with alpha, RGB, or RGB with alpha. */
export interface RawPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 to 4. */
  readonly channels: number;
}

/** The bytes of an image or audio file, of whatever format, as an item. */
export const itemOfFile = (bytes: Uint8Array): Item =>
  `data:application/octet-stream;base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`;

/**
 * Raw pixels as an item: a PNG, which loses nothing.
 *
 * @throws {FungiError} INVALID_MEDIA when there are not width × height × channels bytes
 */
export async function itemOfPixels({ data, width, height, channels }: RawPixels): Promise<Item> {
  const isSize = (size: number): boolean => Number.isInteger(size) && size > 0;
  if (!isSize(width) || !isSize(height) || ![1, 2, 3, 4].includes(channels)) {
    throw new FungiError('INVALID_MEDIA', `pixels: ${width} × ${height} of ${channels} channels is no image`, {
      hint: 'Width and height are whole numbers from 1, channels 1 (grey) to 4 (RGB with alpha).',
    });
  }
  if (data.length !== width * height * channels) {
    throw new FungiError(
      'INVALID_MEDIA',
      `pixels: ${data.length} bytes, where ${width} × ${height} of ${channels} channels are ${width * height * channels}`,
      { hint: 'One byte a channel, rows from the top, without padding between them.' },
    );
  }
  const { default: sharp } = await import('sharp');
  const image: Sharp = sharp(data, {
    raw: { width, height, channels: channels as 1 | 2 | 3 | 4 },
    limitInputPixels: false,
  });
  const png = await (channels < 3 ? image.toColourspace('b-w') : image).png().toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

/**
 * Samples of one channel, −1 to 1, as an item: a WAV of 32-bit floats.
 *
 * @param sampleRate Hz
 * @throws {FungiError} INVALID_MEDIA for no samples, or a rate that is no whole number from 1
 */
export function itemOfSamples(samples: Float32Array, sampleRate: number): Item {
  if (samples.length === 0 || !Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate > 0xffff_ffff / 4) {
    throw new FungiError('INVALID_MEDIA', `samples: ${samples.length} at ${sampleRate} Hz are no sound`, {
      hint: 'Give at least one sample, and the rate in Hz.',
    });
  }
  const wav = Buffer.from(floatWavFile(samples, sampleRate));
  return `data:audio/wav;base64,${wav.toString('base64')}`;
}
