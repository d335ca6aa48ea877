/**
 * Changes of pixels, level for level what torchvision's transforms make of a Pillow image: its arithmetic is that of single precision
 * floats that are cut off to bytes, which libvips does not share.
 */
import type { ImageEdit } from '../../core/content.js';
import { blurred } from './gaussian-blur.js';
import { withHue } from './hue.js';
import type { Pixels } from './pixels.js';

export const edited = (pixels: Pixels, edits: readonly ImageEdit[]): Pixels => edits.reduce(applied, pixels);

function applied(pixels: Pixels, edit: ImageEdit): Pixels {
  switch (edit.kind) {
    case 'flip':
      return flipped(pixels);
    case 'grey':
      return mapped(pixels, (r, g, b) => filled(luma(r, g, b)));
    case 'solarize':
      return { ...pixels, data: pixels.data.map((level) => (level < 128 ? level : 255 - level)) };
    case 'brightness':
      return blended(pixels, () => 0, edit.amount);
    case 'contrast': {
      const mean = meanLuma(pixels);
      return blended(pixels, () => mean, edit.amount);
    }
    case 'saturation':
      return blended(pixels, luma, edit.amount);
    case 'hue':
      return mapped(pixels, (r, g, b) => withHue(r, g, b, edit.amount));
    case 'blur':
      return blurred(pixels, edit.amount);
  }
}

type Levels = readonly [number, number, number];

const filled = (level: number): Levels => [level, level, level];

/** ITU-R 601-2, in 16 bits behind the point, as Pillow's "L". */
const luma = (r: number, g: number, b: number): number => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

function mapped({ data, ...size }: Pixels, change: (r: number, g: number, b: number) => Levels): Pixels {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) out.set(change(data[i]!, data[i + 1]!, data[i + 2]!), i);
  return { ...size, data: out };
}

/** From another image (one level a pixel) through this one and beyond: `Image.blend`. */
function blended(pixels: Pixels, other: (r: number, g: number, b: number) => number, factor: number): Pixels {
  const alpha = Math.fround(factor);
  const blend = (from: number, to: number): number => {
    const level = Math.fround(from + Math.fround(alpha * (to - from)));
    return level <= 0 ? 0 : level >= 255 ? 255 : Math.trunc(level);
  };
  return mapped(pixels, (r, g, b) => {
    const from = other(r, g, b);
    return [blend(from, r), blend(from, g), blend(from, b)];
  });
}

/** Rounded. */
function meanLuma({ data }: Pixels): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += luma(data[i]!, data[i + 1]!, data[i + 2]!);
  return Math.floor(sum / (data.length / 3) + 0.5);
}

function flipped({ data, width, height }: Pixels): Pixels {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + width - 1 - x);
      out.set(data.subarray(from, from + 3), 3 * (y * width + x));
    }
  return { width, height, data: out };
}
