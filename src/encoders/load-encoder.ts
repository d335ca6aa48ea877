/** An encoder by its name: what the model's graph takes decides what it reads. */
import { FungiError } from '../core/errors.js';
import { declaredInputs } from '../onnx/value-info.js';
import { loadAudioEncoder } from './audio-encoder.js';
import type { Encoder, Pooling } from './encoder.js';
import { loadImageEncoder, PIXELS } from './image-encoder.js';
import type { SourceOptions } from './sources/options.js';
import { resolveModel } from './sources/resolve.js';
import { loadTextEncoder } from './text-encoder.js';

/** Spectrograms, of Whisper and of AST, and samples, of wav2vec2. */
const SOUNDS: ReadonlySet<string> = new Set(['input_features', 'input_values']);

export interface LoadEncoderOptions extends SourceOptions {
  /** @default what the model's files say, else the first token; of a Whisper or wav2vec2 encoder the mean */
  readonly pooling?: Pooling | undefined;
}

/**
 * Finds the model (folder, caches, hub, package index) and reads what surrounds it.
 *
 * @throws {FungiError} MODEL_NOT_FOUND, DOWNLOAD_FAILED, MODEL_CORRUPT, MODEL_UNSUPPORTED, TOKENIZER_INVALID
 */
export async function loadEncoder(id: string, options: LoadEncoderOptions): Promise<Encoder> {
  const files = await resolveModel(id, options);
  const inputs = declaredInputs(files.modelPath).map(({ name }) => name);
  if (inputs.some((name) => SOUNDS.has(name))) return loadAudioEncoder(files, options);
  if (!inputs.includes(PIXELS)) return loadTextEncoder(id, options);
  if (inputs.includes('input_ids')) {
    throw new FungiError('MODEL_UNSUPPORTED', `${files.id}: the model takes an image and a text; features need one`, {
      hint: 'Name the file of one part: --file onnx/vision_model.onnx or --file onnx/text_model.onnx.',
    });
  }
  return loadImageEncoder(files, options);
}
