/** From a view of a picture to the numbers that a model takes, [3,H,W]. */
import { editedKey, type Crop, type ImageEdit, type Patch, type Picture, type View } from '../../core/content.js';
import { FungiError } from '../../core/errors.js';
import { edited } from './edit.js';
import { crop, cropAndResize, decode, resize } from './picture.js';
import type { Pixels } from './pixels.js';
import type { ImageSettings } from './settings.js';

/** Pictures whose pixels are kept: views of one come one after the other, in two runs that overlap. */
const KEPT = 3;

/** What a patch is of the input's width, and its step of a patch's width (paper Table 22: 112 of 224, stride int(112/6)). */
const PATCHES_ACROSS = 2;
const STEPS_A_PATCH = 6;

export class ImageInput {
  /** By digest and changes, the last used one last. */
  private readonly decoded = new Map<string, Promise<Pixels>>();
  private readonly framed = new Map<string, Promise<Pixels>>();

  constructor(readonly settings: ImageSettings) {}

  /** @throws {FungiError} INVALID_MEDIA for damaged data; INVALID_ARGUMENT for a view of something else */
  async render(view: View): Promise<Float32Array> {
    const input = this.normalised(await this.pixelsOf(view));
    return typeof view === 'object' && 'kind' in view && view.kind === 'crop' ? this.masked(input, view) : input;
  }

  private async pixelsOf(view: View): Promise<Pixels> {
    if (typeof view === 'object' && 'modality' in view && view.modality === 'image') return this.frame(view);
    if (typeof view === 'object' && 'kind' in view) {
      if (view.kind === 'crop') return this.cropped(view);
      if (view.kind === 'patch') return this.patch(view);
    }
    throw new FungiError('INVALID_ARGUMENT', 'an image encoder was given something else than an image');
  }

  /** What the encoder sees of a whole picture. */
  private frame(picture: Picture): Promise<Pixels> {
    return kept(this.framed, picture.digest, async () => {
      const { settings } = this;
      const pixels = await this.whole(picture);
      return centreCrop(await resize(pixels, { ...resizedTo(pixels, settings), kernel: settings.kernel }), settings);
    });
  }

  /** A rectangle of the picture, at the input's size, and what is changed of it. */
  private async cropped({ of, left, top, width, height, edits = [], pictureEdits }: Crop): Promise<Pixels> {
    const pixels = await this.whole(of, pictureEdits);
    return edited(await cropAndResize(pixels, { left, top, width, height }, this.settings), edits);
  }

  /** A square of the frame, at the input's size. */
  private async patch({ of, row, column }: Patch): Promise<Pixels> {
    const { settings } = this;
    const frame = await this.frame(of);
    const [width, height] = [settings.width, settings.height].map((edge) => Math.floor(edge / PATCHES_ACROSS));
    const step = (edge: number): number => Math.max(1, Math.floor(edge / STEPS_A_PATCH));
    const box = { left: column * step(width!), top: row * step(height!), width: width!, height: height! };
    return cropAndResize(frame, box, settings);
  }

  /** Masked patches are 0 in all channels, which is the mean colour. */
  private masked(input: Float32Array, { masked }: Crop): Float32Array {
    if (masked === undefined) return input;
    const { width, height } = this.settings;
    const [w, h] = [width / masked.columns, height / masked.rows];
    for (const patch of masked.patches) {
      const [left, top] = [(patch % masked.columns) * w, Math.floor(patch / masked.columns) * h];
      for (let row = 0; row < 3 * h; row++) {
        const at = Math.floor(row / h) * width * height + (top + (row % h)) * width + left;
        input.fill(0, at, at + w);
      }
    }
    return input;
  }

  private whole(picture: Picture, edits: readonly ImageEdit[] = []): Promise<Pixels> {
    return kept(this.decoded, editedKey(picture, edits), async () => edited(await decode(picture), edits));
  }

  private normalised({ data, width, height }: Pixels): Float32Array {
    const { scale, mean, std } = this.settings;
    const plane = width * height;
    const out = new Float32Array(3 * plane);
    for (let channel = 0; channel < 3; channel++) {
      const [factor, shift] = [scale / std[channel]!, mean[channel]! / std[channel]!];
      for (let i = 0; i < plane; i++) out[channel * plane + i] = data[3 * i + channel]! * factor - shift;
    }
    return out;
  }
}

function kept(cache: Map<string, Promise<Pixels>>, key: string, make: () => Promise<Pixels>): Promise<Pixels> {
  const found = cache.get(key) ?? make();
  cache.delete(key);
  cache.set(key, found);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value!);
  return found;
}

function resizedTo(
  { width, height }: Pixels,
  { resize: to }: ImageSettings,
): { readonly width: number; readonly height: number } {
  if (to === undefined) return { width, height };
  if ('width' in to) return to;
  const shorter = Math.min(width, height);
  const scaled = (edge: number): number => Math.floor((to.shortest * edge) / shorter);
  return { width: scaled(width), height: scaled(height) };
}

/** The middle; what is smaller than the input is framed in black, as torchvision and transformers do. */
function centreCrop(pixels: Pixels, { width, height }: ImageSettings): Pixels {
  if (pixels.width === width && pixels.height === height) return pixels;
  const enough = pixels.width >= width && pixels.height >= height;
  const from = enough ? pixels : padded(pixels, Math.max(width, pixels.width), Math.max(height, pixels.height));
  // Python's transformers rounds half the margin down.
  const [left, top] = [Math.floor((from.width - width) / 2), Math.floor((from.height - height) / 2)];
  return crop(from, { left, top, width, height });
}

function padded(pixels: Pixels, width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  const [left, top] = [Math.ceil((width - pixels.width) / 2), Math.ceil((height - pixels.height) / 2)];
  for (let row = 0; row < pixels.height; row++) {
    const from = row * pixels.width * 3;
    data.set(pixels.data.subarray(from, from + pixels.width * 3), ((top + row) * width + left) * 3);
  }
  return { width, height, data };
}
