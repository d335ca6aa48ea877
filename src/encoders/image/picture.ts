/** Image files to pixels, by sharp. Nothing is decoded before its header is known to be within limits. */
import sharp, { type Sharp } from 'sharp';
import type { Picture } from '../../core/content.js';
import { FungiError } from '../../core/errors.js';
import { sha256 } from '../../core/fingerprint.js';
import type { Item } from '../../core/item.js';
import type { Logger } from '../../core/log.js';
import { nameOf, readMedia } from '../media/read-media.js';
import { enlarge } from './enlarge.js';
import type { Box, Pixels, Resize } from './pixels.js';

/** Largest file, and most pixels of a picture: what a decoded one takes is three bytes a pixel, whatever its file is like. */
export const IMAGE_LIMITS = { maxBytes: 64 * 2 ** 20, maxPixels: 100_000_000 } as const;

/** What libvips would read, and is refused: SVG is a program for a renderer, and may name other files. */
const REFUSED = new Set(['svg', 'pdf', 'magick', 'openslide']);

/**
 * Reads headers.
 *
 * @throws {FungiError} INVALID_MEDIA naming the item: of no format that is known, refused, or with more pixels than are read; what
 *   reading it throws
 */
export async function openPictures(items: readonly Item[], log: Logger): Promise<Picture[]> {
  const files = await readMedia(items, IMAGE_LIMITS);
  const pictures: Picture[] = [];
  const animated: string[] = [];
  for (const [i, bytes] of files.entries()) {
    const name = nameOf(items[i]!);
    const { picture, frames } = await openPicture(bytes, name);
    pictures.push(picture);
    if (frames > 1) animated.push(name);
  }
  if (animated.length > 0) {
    log.warn(`${animated.length} of ${items.length} images are animated (${animated[0]!}): the first frame is taken`);
  }
  return pictures;
}

/** Reads the header. @throws {FungiError} INVALID_MEDIA, as {@link openPictures} */
export async function openPicture(bytes: Uint8Array, name: string): Promise<{ picture: Picture; frames: number }> {
  let header: Awaited<ReturnType<Sharp['metadata']>>;
  try {
    header = await read(bytes).metadata();
  } catch (cause) {
    throw unreadable(name, cause);
  }
  const { width, height, orientation = 1, format, pages = 1 } = header;
  if (REFUSED.has(format)) {
    throw new FungiError('INVALID_MEDIA', `${name}: ${format.toUpperCase()} is drawn, not photographed, and not read`, {
      hint: 'Render it to PNG first.',
    });
  }
  if (width * height > IMAGE_LIMITS.maxPixels) {
    throw new FungiError(
      'INVALID_MEDIA',
      `${name}: ${width} × ${height} pixels, and at most ${IMAGE_LIMITS.maxPixels} are read`,
      { hint: 'Make the image smaller.', details: { width, height, maxPixels: IMAGE_LIMITS.maxPixels } },
    );
  }
  const sideways = orientation >= 5;
  return {
    picture: {
      modality: 'image',
      digest: sha256(bytes),
      name,
      bytes,
      width: sideways ? height : width,
      height: sideways ? width : height,
    },
    frames: pages,
  };
}

/**
 * The first frame, upright, over white where it is transparent, in sRGB.
 *
 * @throws {FungiError} INVALID_MEDIA for damaged data
 */
export async function decode(picture: Picture): Promise<Pixels> {
  const upright = read(picture.bytes).autoOrient();
  const pipeline = upright.toColourspace('srgb').flatten({ background: '#ffffff' });
  return toPixels(pipeline, picture.name);
}

/** A rectangle of an image, resampled. */
export function cropAndResize(pixels: Pixels, box: Box, size: Resize): Promise<Pixels> {
  const { left, top, width, height } = box;
  return resized(raw(pixels).extract({ left, top, width, height }), { width, height }, size);
}

/** An image, resampled. */
export const resize = (pixels: Pixels, size: Resize): Promise<Pixels> => resized(raw(pixels), pixels, size);

/** Shrunk where it is larger, then enlarged where it is smaller: no axis loses what the other has. */
async function resized(
  image: Sharp,
  from: { readonly width: number; readonly height: number },
  { width, height, kernel }: Resize,
): Promise<Pixels> {
  const least = { width: Math.min(from.width, width), height: Math.min(from.height, height) };
  const shrinks = least.width < from.width || least.height < from.height;
  const shrunk = await toPixels(shrinks ? image.resize({ ...least, kernel, fit: 'fill' }) : image);
  return least.width < width || least.height < height ? enlarge(shrunk, { width, height, kernel }) : shrunk;
}

export function crop(pixels: Pixels, { left, top, width, height }: Box): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * pixels.width + left) * 3;
    data.set(pixels.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { width, height, data };
}

/** The first frame; nothing is decoded yet. */
export const read = (bytes: Uint8Array): Sharp =>
  sharp(bytes, { failOn: 'error', limitInputPixels: IMAGE_LIMITS.maxPixels, pages: 1 });

const raw = ({ data, width, height }: Pixels): Sharp =>
  sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });

async function toPixels(image: Sharp, name = 'an image'): Promise<Pixels> {
  try {
    const { data, info } = await image
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    return { width, height, data: channels === 1 ? threefold(data) : data };
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/** A grey image as RGB. */
function threefold(grey: Uint8Array): Uint8Array {
  const data = new Uint8Array(grey.length * 3);
  grey.forEach((value, i) => data.fill(value, 3 * i, 3 * i + 3));
  return data;
}

export function unreadable(name: string, cause: unknown): FungiError {
  const reason = (cause as Error).message.split('\n')[0]!;
  const tooLarge = /pixel limit/i.test(reason);
  return new FungiError('INVALID_MEDIA', `${name}: cannot be read as an image (${reason})`, {
    hint: tooLarge
      ? `At most ${IMAGE_LIMITS.maxPixels} pixels are read: make the image smaller.`
      : 'JPEG, PNG, WebP, AVIF, TIFF and GIF are read; a damaged file has to be fetched again, or left out.',
    cause,
  });
}
