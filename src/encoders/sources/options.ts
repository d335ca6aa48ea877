/** What looking for a model needs from outside: settings, and the three effects it has on the world. */
import type { Config } from '../../core/config.js';
import type { Logger } from '../../core/log.js';
import type { OnProgress } from '../../core/progress.js';
import { runProcess, type RunProcess } from './process.js';

/** Network, clock and child processes; tests put their own in place. */
export interface SourceEffects {
  readonly fetch: typeof fetch;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly run: RunProcess;
}

export const realEffects: SourceEffects = {
  fetch: (input, init) => globalThis.fetch(input, init),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  run: runProcess,
};

type SourceConfig = Pick<Config, 'cacheDir' | 'hubCacheDir' | 'hubEndpoint' | 'hubToken' | 'offline' | 'python'>;

/** `readConfig()` fills the settings: `resolveModel(id, readConfig())`. */
export interface SourceOptions extends SourceConfig {
  /** ONNX file to take, relative to the model's folder. @default encoder_model.onnx or model.onnx, in onnx/ or beside the configs, or model.safetensors converted */
  readonly file?: string | undefined;
  /** Longest silence of the hub. @default 60000 */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly log?: Logger | undefined;
  readonly effects?: Partial<SourceEffects> | undefined;
}
