/** From an encoder to an engine. */
import { FungiError } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { CutEngine } from './cut-engine.js';
import type { GradientEngine } from './engine.js';
import { PRECISIONS, type ImportOptions } from './import-options.js';
import { importEncoder } from './import.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { OnnxTails } from './onnx-tails.js';
import { ENGINES, type EngineName, type Tails } from './tails.js';

export interface EngineOptions extends ImportOptions {
  /** What computes losses and gradients; the encoder itself runs on onnxruntime. @default 'onnx' */
  readonly engine?: EngineName;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, TOKENIZER_INVALID, PROVIDER_UNAVAILABLE,
 *   RUNTIME_FAILED; INVALID_ARGUMENT for an output, engine or precision that there is not; STORAGE_FAILED where int8 weights cannot be kept
 */
export async function createEngine<P extends Prepared>(
  encoder: Encoder<P>,
  options: EngineOptions = {},
): Promise<GradientEngine> {
  assertOneOf('engine', options.engine, ENGINES);
  assertOneOf('precision', options.precision, PRECISIONS);
  const { imported, trunk, loadWhole } = await importEncoder(encoder, options);
  try {
    return new CutEngine(encoder, imported, trunk, await tailsOf(imported, options), loadWhole);
  } catch (error) {
    await trunk.release();
    throw error;
  }
}

function assertOneOf(what: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw new FungiError('INVALID_ARGUMENT', `${what} "${value}" is not one of ${known.join(', ')}`);
}

async function tailsOf(imported: ImportedEncoder, { engine = 'onnx', ...options }: EngineOptions): Promise<Tails> {
  if (engine === 'onnx') return new OnnxTails(imported, options);
  const { TfjsTails } = await import('./tfjs-tails.js');
  return new TfjsTails(imported);
}
