/** From an encoder to an engine. */
import { availableParallelism } from 'node:os';
import { FungiError } from '../core/errors.js';
import { silentLogger } from '../core/log.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { Replicas } from '../runtime/replicas.js';
import { CutEngine, type Trunk } from './cut-engine.js';
import type { GradientEngine } from './engine.js';
import { PRECISIONS, type ImportOptions } from './import-options.js';
import { importEncoder, type LoadedEncoder } from './import.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { OnnxTails } from './onnx-tails.js';
import { ENGINES, type EngineName, type Tails } from './tails.js';
import { TrunkRuns } from './trunk-runs.js';

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
  assertProcesses(options.processes);
  const { loadWhole, ...loaded } = await importEncoder(encoder, options);
  try {
    const tails = await tailsOf(loaded.imported, options);
    return new CutEngine(encoder, withRuns(loaded, options), tails, async () => withRuns(await loadWhole(), options));
  } catch (error) {
    await loaded.trunk.release();
    throw error;
  }
}

function withRuns({ imported, trunk }: LoadedEncoder, options: EngineOptions): Trunk {
  const { processes = 0, threads, provider = 'cpu', log = silentLogger } = options;
  const { bytes, folder } = imported.trunk;
  const all = threads || availableParallelism();
  const own = { folder, threads: Math.max(1, Math.floor(all / processes)), count: processes };
  const share = (): Promise<Replicas> => Replicas.start(bytes, imported.id, own);
  return {
    imported,
    runs: new TrunkRuns(trunk, { share: processes > 0 && provider === 'cpu' ? share : undefined, log }),
  };
}

function assertProcesses(processes = 0): void {
  if (Number.isSafeInteger(processes) && processes >= 0 && processes <= MOST_PROCESSES) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `processes is ${processes}: it must be a whole number from 0 to ${MOST_PROCESSES}`,
  );
}

const MOST_PROCESSES = 64;

function assertOneOf(what: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw new FungiError('INVALID_ARGUMENT', `${what} "${value}" is not one of ${known.join(', ')}`);
}

async function tailsOf(imported: ImportedEncoder, { engine = 'onnx', ...options }: EngineOptions): Promise<Tails> {
  if (engine === 'onnx') return new OnnxTails(imported, options);
  const { TfjsTails } = await import('./tfjs-tails.js');
  return new TfjsTails(imported);
}
