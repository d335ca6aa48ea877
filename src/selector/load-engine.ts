/** From an encoder's name to an engine, and to the description that fingerprints it. */
import { readConfig } from '../core/config.js';
import type { Encoder } from '../encoders/encoder.js';
import { loadTextEncoder } from '../encoders/text-encoder.js';
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

/** @throws {FungiError} MODEL_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, OP_UNSUPPORTED, TOKENIZER_INVALID */
export async function loadEngine(options: EncoderChoice & SelectorRuntime): Promise<LoadedEngine> {
  const { encoder: choice = DEFAULT_ENCODER, file, precision, pooling, log, onProgress } = options;
  const sources: SourceOptions = { ...readConfig(), log, onProgress, ...options.sources };
  const encoder: Encoder =
    typeof choice === 'string'
      ? await loadTextEncoder(choice, { ...sources, ...(file !== undefined && { file }), pooling })
      : choice;
  const engine = await createEngine(encoder, {
    cacheDir: sources.cacheDir,
    ...defined({
      precision,
      engine: options.engine,
      target: options.target,
      output: options.output,
      provider: options.provider,
      threads: options.threads,
      log,
    }),
  });
  return {
    engine,
    encoder: {
      id: encoder.id,
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
