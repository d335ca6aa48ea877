/** From an encoder to an engine. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FungiError } from '../core/errors.js';
import { freeMemory } from '../core/free-memory.js';
import { silentLogger } from '../core/log.js';
import { processorCount } from '../core/processors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { Replicas } from '../runtime/replicas.js';
import { CutEngine, type Trunk } from './cut-engine.js';
import type { GradientEngine } from './engine.js';
import { MOST_PROCESSES, PRECISIONS, type ImportOptions } from './import-options.js';
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
  assertProcesses(options);
  const { loadWhole, ...loaded } = await importEncoder(encoder, options);
  try {
    const tails = await tailsOf(loaded.imported, options);
    return new CutEngine(encoder, withRuns(loaded, encoder, options), tails, async () =>
      withRuns(await loadWhole(), encoder, options),
    );
  } catch (error) {
    await loaded.trunk.release();
    throw error;
  }
}

function withRuns({ imported, trunk }: LoadedEncoder, { modelPath }: Encoder, options: EngineOptions): Trunk {
  const { processes = 0, threads, log = silentLogger } = options;
  const { bytes, folder } = imported.trunk;
  const share = async (signal: AbortSignal): Promise<Replicas> => {
    const count = Math.min(processes, await roomFor(modelPath));
    if (count < 2) {
      throw new FungiError('WORKER_FAILED', `memory is short for ${processes} more processes with its weights`);
    }
    const all = threads || processorCount();
    return Replicas.start(bytes, imported.id, { folder, threads: Math.max(1, Math.floor(all / count)), count, signal });
  };
  return { imported, runs: new TrunkRuns(trunk, { share: processes > 1 ? share : undefined, log }) };
}

/**
 * Processes whose weights fit into half of the memory that is free here, which a container may limit: as they are in the file, packed for products,
 * and what a run takes.
 */
async function roomFor(modelPath: string): Promise<number> {
  const [folder, name] = [dirname(modelPath), basename(modelPath)];
  const files = (await readdir(folder)).filter((file) => file.startsWith(name)); // external data is called after its model
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return Math.floor(freeMemory() / 2 / (3 * sizes.reduce((sum, size) => sum + size, 0) + PROCESS_BYTES));
}

/** Of Node and onnxruntime by themselves. */
const PROCESS_BYTES = 100 * 2 ** 20;

/** @throws {FungiError} INVALID_ARGUMENT */
function assertProcesses({ processes = 0, provider = 'cpu' }: EngineOptions): void {
  if (!Number.isSafeInteger(processes) || processes < 0 || processes > MOST_PROCESSES) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `processes is ${processes}: it must be a whole number from 0 to ${MOST_PROCESSES}`,
    );
  }
  if (processes === 0 || provider === 'cpu') return;
  throw new FungiError('INVALID_ARGUMENT', `${processes} processes cannot share encodings on provider "${provider}"`, {
    hint: 'They do on the CPU alone; leave them out: an accelerator computes one run at a time.',
  });
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
