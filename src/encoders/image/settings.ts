/** What preprocessor_config.json says of the pictures that a model was trained on: size, resampling, mean and deviation. */
import { join } from 'node:path';
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import { PREPROCESSOR_FILE, readPreprocessorFile } from '../preprocessor-file.js';
import type { Kernel } from './pixels.js';

const edge = z.int().positive();
const sizeSchema = z.union([
  edge,
  z.looseObject({ height: edge, width: edge }),
  z.looseObject({ shortest_edge: edge, longest_edge: edge.optional() }),
]);
const channels = z.array(z.number()).length(3);

const configSchema = z.looseObject({
  do_resize: z.boolean().nullish(),
  size: sizeSchema.nullish(),
  resample: z.int().min(0).max(5).nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: sizeSchema.nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: channels.nullish(),
  image_std: channels.nullish(),
});

/** How a picture becomes the model's input [3,H,W]: resize, centre crop, (v·scale − mean)/std. */
export interface ImageSettings {
  /** Shorter edge, or both edges; absent where the picture is taken as it is. */
  readonly resize?: { readonly shortest: number } | { readonly width: number; readonly height: number };
  readonly kernel: Kernel;
  /** H and W of the input. */
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** By Pillow's number, which is what `resample` is. */
const KERNELS: readonly (Kernel | undefined)[] = ['nearest', 'lanczos3', 'linear', 'cubic'];

/**
 * The settings of the model in `folder`. A picture that is resized by its shorter edge and not cropped would be as wide as it
 * likes; it is cropped to a square, since the pictures of a run have one size.
 *
 * @throws {FungiError} MODEL_CORRUPT when the file is missing or damaged; MODEL_UNSUPPORTED when it asks for what is not done here
 */
export async function readImageSettings(folder: string): Promise<ImageSettings> {
  const path = join(folder, PREPROCESSOR_FILE);
  const config = await readPreprocessorFile(folder, configSchema, 'a picture');
  const { size, crop_size: cropSize, do_resize: doResize = true, do_center_crop: doCrop = cropSize != null } = config;
  const edges = edgesOf(doCrop === true ? (cropSize ?? size) : size);
  if (edges === undefined)
    throw new FungiError('MODEL_UNSUPPORTED', `${path}: gives neither size nor crop_size`, {
      hint: 'Write "size": {"height": …, "width": …} into it, as the model takes them.',
    });
  const kernel = KERNELS[config.resample ?? 2];
  if (kernel === undefined)
    throw new FungiError('MODEL_UNSUPPORTED', `${path}: resample ${config.resample!} (box, hamming) is not done here`, {
      hint: 'Write 2 (bilinear) or 3 (bicubic); features then differ a little from the published ones.',
    });
  const normalise = config.do_normalize !== false && config.image_mean != null && config.image_std != null;
  return {
    ...(doResize !== false && size != null && { resize: resizeOf(size, doCrop === true) }),
    kernel,
    ...edges,
    scale: config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255),
    mean: normalise ? config.image_mean! : [0, 0, 0],
    std: normalise ? config.image_std! : [1, 1, 1],
  };
}

type Size = z.infer<typeof sizeSchema>;

function edgesOf(size: Size | null | undefined): { width: number; height: number } | undefined {
  if (size == null) return undefined;
  if (typeof size === 'number') return { width: size, height: size };
  if ('shortest_edge' in size) {
    const edge = size.shortest_edge as number;
    return { width: edge, height: edge };
  }
  const { width, height } = size as { width: number; height: number };
  return { width, height };
}

/** A number alone is both edges, unless a crop follows: then it is the shorter one, as torchvision has it. */
function resizeOf(size: Size, cropped: boolean): NonNullable<ImageSettings['resize']> {
  if (typeof size === 'number') return cropped ? { shortest: size } : { width: size, height: size };
  if ('shortest_edge' in size) return { shortest: size.shortest_edge as number };
  const { width, height } = size as { width: number; height: number };
  return { width, height };
}
