/** Label maps as images: the class of each pixel is its grey value. */
import sharp, { type Sharp } from 'sharp';
import { FungiError } from '../../core/errors.js';
import { IMAGE_LIMITS } from '../../encoders/image/picture.js';
import type { Box } from '../../encoders/image/pixels.js';
import { readMedia } from '../../encoders/media/read-media.js';

export interface LabelImage {
  readonly width: number;
  readonly height: number;
  /** Class of each pixel, row by row [height·width]. */
  readonly labels: Uint8Array;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND; INVALID_MEDIA for what is no image; INVALID_DATA for one whose pixels are no class numbers: in
 *   colour, with a palette (whose numbers no reader hands over), of 16 bits, or compressed with loss
 */
export async function readLabelImage(path: string): Promise<LabelImage> {
  const [bytes] = await readMedia([path], IMAGE_LIMITS);
  const image = (): Sharp => sharp(bytes, { failOn: 'error', limitInputPixels: IMAGE_LIMITS.maxPixels });
  try {
    const { format, channels, depth, isPalette } = await image().metadata();
    const wrong =
      format === 'jpeg'
        ? 'is a JPEG, which changes numbers'
        : isPalette
          ? 'has a palette'
          : channels !== 1
            ? `has ${channels} channels`
            : depth !== 'uchar'
              ? `has pixels of type ${depth}`
              : undefined;
    if (wrong !== undefined) {
      throw new FungiError(
        'INVALID_DATA',
        `${path}: ${wrong}; a label map is a grey image of 8 bits, whose values are classes`,
        {
          hint: 'Write the class numbers as a grey PNG: in Python, Image.fromarray(np.array(Image.open(path))).save(path) does it.',
          details: { path },
        },
      );
    }
    const { data, info } = await image().toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, labels: data };
  } catch (cause) {
    if (FungiError.is(cause)) throw cause;
    const reason = (cause as Error).message.split('\n')[0]!;
    throw new FungiError('INVALID_MEDIA', `${path}: cannot be read as an image (${reason})`, { cause });
  }
}

/** The label of the pixel that lies at each place of another size, as torch's `interpolate(mode='nearest')` takes it. */
export function resizeLabels({ width, height, labels }: LabelImage, to: { width: number; height: number }): LabelImage {
  const out = new Uint8Array(to.width * to.height);
  const columns = Array.from({ length: to.width }, (_, x) => Math.floor((x * width) / to.width));
  for (let y = 0; y < to.height; y++) {
    const from = Math.floor((y * height) / to.height) * width;
    columns.forEach((x, i) => (out[y * to.width + i] = labels[from + x]!));
  }
  return { ...to, labels: out };
}

/** The labels of a rectangle. */
export function cropLabels(image: LabelImage, { left, top, width, height }: Box): LabelImage {
  const labels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * image.width + left;
    labels.set(image.labels.subarray(from, from + width), y * width);
  }
  return { width, height, labels };
}
