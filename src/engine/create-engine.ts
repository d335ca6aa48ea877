/** From an encoder to an engine. */
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { CutEngine } from './cut-engine.js';
import type { GradientEngine } from './engine.js';
import type { ImportOptions } from './import-options.js';
import { importEncoder } from './import.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { OnnxTails } from './onnx-tails.js';
import type { EngineName, Tails } from './tails.js';

export interface EngineOptions extends ImportOptions {
  /** What computes losses and gradients; the encoder itself runs on onnxruntime. @default 'onnx' */
  readonly engine?: EngineName;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, TOKENIZER_INVALID, PROVIDER_UNAVAILABLE,
 *   RUNTIME_FAILED
 */
export async function createEngine<P extends Prepared>(
  encoder: Encoder<P>,
  options: EngineOptions = {},
): Promise<GradientEngine> {
  const { imported, trunk } = await importEncoder(encoder, options);
  return new CutEngine(encoder, imported, trunk, await tailsOf(imported, options));
}

async function tailsOf(imported: ImportedEncoder, { engine = 'onnx', ...options }: EngineOptions): Promise<Tails> {
  if (engine === 'onnx') return new OnnxTails(imported, options);
  const { TfjsTails } = await import('./tfjs-tails.js');
  return new TfjsTails(imported);
}
