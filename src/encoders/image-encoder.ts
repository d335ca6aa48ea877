/** An image encoder ready for the engine: model file, how pictures become its input, pooling. */
import { FungiError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { silentLogger } from '../core/log.js';
import { float32, type Feeds } from '../runtime/session.js';
import { modelIdentity } from './digests.js';
import type { Encoder, Pooling, Prepared } from './encoder.js';
import { ImageInput } from './image/input.js';
import { IMAGE_LIMITS, openPictures } from './image/picture.js';
import { readImageSettings, type ImageSettings } from './image/settings.js';
import { mediaDigests } from './media/read-media.js';
import { assertPooling } from './pooling.js';
import type { ModelFiles } from './sources/model-files.js';
import type { SourceOptions } from './sources/options.js';

export interface ImageEncoderOptions extends SourceOptions {
  /** @default 'first', the class token */
  readonly pooling?: Pooling | undefined;
}

/** A view of a picture, not decoded yet. */
export interface PreparedImage extends Prepared {
  /** [3,H,W] */
  render(): Promise<Float32Array> | Float32Array;
}

export interface ImageEncoderSource extends Encoder<PreparedImage>, Omit<ModelFiles, 'bytes' | 'unquantised'> {
  readonly settings: ImageSettings;
}

/**
 * Reads what surrounds an image model.
 *
 * @throws {FungiError} MODEL_CORRUPT, MODEL_UNSUPPORTED; INVALID_ARGUMENT for an unknown pooling
 */
export async function loadImageEncoder(files: ModelFiles, options: ImageEncoderOptions): Promise<ImageEncoderSource> {
  const { folder } = files;
  const { pooling = 'first', log = silentLogger } = options;
  assertPooling(pooling);
  const settings = await readImageSettings(folder);
  const input = new ImageInput(settings);
  // How many tokens there are of a picture the model tells: of all pictures as many.
  const prepared = (render: PreparedImage['render']): PreparedImage => ({ tokens: 1, truncated: false, render });
  return {
    id: files.id,
    modality: 'image',
    folder,
    ...(await modelIdentity(files, options.cacheDir)),
    weightFiles: files.weightFiles,
    source: files.source,
    licence: files.licence,
    preprocessorSha256: fingerprint({ recipe: RECIPE, settings: settings as unknown as Record<string, never> }),
    settings,
    frame: { width: settings.width, height: settings.height },
    pooling,
    poolingSource: options.pooling === undefined ? 'default' : 'option',
    maxTokens: 1,
    identify: (items) => mediaDigests(items, IMAGE_LIMITS),
    open: (items) => openPictures(items, log),
    prepare: (views) => views.map((view) => prepared(() => input.render(view))),
    probe: () => [prepared(() => ramp(settings, false)), prepared(() => ramp(settings, true))],
    collate: (batch, inputNames) => collate(batch, inputNames, settings, files.id),
  };
}

/** Counts up when the way from a file to the model's input changes: features do then. */
const RECIPE = 1;

async function collate(
  batch: readonly PreparedImage[],
  inputNames: readonly string[],
  { width, height }: ImageSettings,
  id: string,
): Promise<Feeds> {
  const other = inputNames.find((name) => name !== PIXELS);
  if (other !== undefined) {
    throw new FungiError('MODEL_UNSUPPORTED', `${id}: the model has an input "${other}"; images give ${PIXELS}`, {
      hint: 'Of a model of images and texts use the file of its vision part: --file onnx/vision_model.onnx.',
    });
  }
  const rendered = await Promise.all(batch.map(async (image) => image.render()));
  const data = new Float32Array(batch.length * 3 * height * width);
  rendered.forEach((pixels, row) => {
    data.set(pixels, row * 3 * height * width);
  });
  return { [PIXELS]: float32(data, [batch.length, 3, height, width]) };
}

export const PIXELS = 'pixel_values';

/** Two pictures that no file is needed for: a ramp, and the same with its lower half turned round. They begin alike. */
function ramp({ width, height }: ImageSettings, turned: boolean): Float32Array {
  const out = new Float32Array(3 * width * height);
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const value = (2 * x) / width - 1;
    out[i] = turned && 2 * y >= height ? -value : value;
  }
  return out;
}
