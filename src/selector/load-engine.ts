/** From an encoder's name to an engine, and to the description that fingerprints it. */
import { readConfig } from '../core/config.js';
import type { Encoder } from '../encoders/encoder.js';
import { loadEncoder as loadSource } from '../encoders/load-encoder.js';
import type { GradientEngine } from '../engine/engine.js';
import { INT8_RECIPE } from '../engine/calibration.js';
import { createEngine } from '../engine/create-engine.js';
import type { SourceOptions } from '../encoders/sources/options.js';
import type { EncoderSpec } from '../store/manifest.js';
import { DEFAULT_ENCODER, type EncoderChoice, type SelectorRuntime } from './options.js';

export interface LoadedEngine {
  readonly engine: GradientEngine;
  readonly encoder: EncoderSpec;
}

/** @throws {FungiError} MODEL_NOT_FOUND, DOWNLOAD_FAILED, MODEL_CORRUPT, MODEL_UNSUPPORTED, TOKENIZER_INVALID */
export async function loadEncoder(options: EncoderChoice & SelectorRuntime): Promise<Encoder> {
  const { encoder = DEFAULT_ENCODER, file, pooling } = options;
  if (typeof encoder !== 'string') return encoder;
  return loadSource(encoder, { ...sourcesOf(options), ...(file !== undefined && { file }), pooling });
}

const sourcesOf = ({ log, onProgress, sources }: SelectorRuntime): SourceOptions => ({
  ...readConfig(),
  log,
  onProgress,
  ...sources,
});

/** @throws {FungiError} as {@link loadEncoder} and createEngine */
export async function loadEngine(options: EncoderChoice & SelectorRuntime): Promise<LoadedEngine> {
  const { file, precision, log } = options;
  const encoder = await loadEncoder(options);
  const engine = await createEngine(encoder, {
    cacheDir: sourcesOf(options).cacheDir,
    ...defined({
      precision,
      engine: options.engine,
      target: options.target,
      output: options.output,
      provider: options.provider,
      threads: options.threads,
      processes: options.processes,
      log,
    }),
  });
  return {
    engine,
    encoder: {
      id: encoder.id,
      ...(encoder.modality !== 'text' && { modality: encoder.modality }),
      ...(file !== undefined && { file }),
      ...(precision === 'int8' && { precision, recipe: INT8_RECIPE }),
      modelSha256: encoder.modelSha256,
      preprocessorSha256: encoder.preprocessorSha256,
      pooling: encoder.pooling,
      maxTokens: encoder.maxTokens,
      output: engine.info.output,
      target: engine.info.target.tensor,
    },
  };
}

/** The members that are there, so that defaults apply to the others. */
const defined = <T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
