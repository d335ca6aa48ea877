/** Media that lie in memory as items: what a file would hold, in a `data:` URL. */
import type { Sharp } from 'sharp';
import { FungiError } from '../../core/errors.js';
import type { Item } from '../../core/item.js';

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

/** Sizes of a WAV header: the RIFF and its one format of float samples. */
const [HEADER, FORMAT, FLOAT] = [44, 16, 3];

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
  const wav = Buffer.alloc(HEADER + 4 * samples.length);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(FORMAT, 16);
  wav.writeUInt16LE(FLOAT, 20);
  wav.writeUInt16LE(1, 22); // channels
  wav.writeUInt32LE(sampleRate, 24);
  wav.writeUInt32LE(4 * sampleRate, 28); // bytes a second
  wav.writeUInt16LE(4, 32); // bytes a frame
  wav.writeUInt16LE(32, 34); // bits a sample
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(4 * samples.length, 40);
  samples.forEach((sample, i) => wav.writeFloatLE(sample, HEADER + 4 * i));
  return `data:audio/wav;base64,${wav.toString('base64')}`;
}
