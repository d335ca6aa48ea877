/** The LLM of `answer`, `demo` and `eval icl`: which one, reached how. */
import type { Command } from 'commander';
import { join } from 'node:path';
import { FungiError } from '../core/errors.js';
import type { LlmClient } from '../llm/client.js';
import type { RequestGate } from '../llm/gate.js';
import type { Context } from './context.js';
import { whole } from './options.js';

export interface LlmFlags {
  readonly baseUrl?: string;
  readonly model?: string;
  readonly apiKeyEnv?: string;
  readonly concurrency: number;
  readonly timeout: number;
  readonly attempts: number;
  readonly cache: boolean;
}

/** @param options.without what there is without an endpoint */
export const addLlmOptions = (command: Command, { without = '; without one the examples vote' } = {}): Command =>
  command
    .option('--base-url <url>', `OpenAI-compatible endpoint (default: OPENAI_BASE_URL${without})`)
    .option('--model <name>', 'name of the LLM (default: OPENAI_MODEL)')
    .option('--api-key-env <name>', 'environment variable that holds the API key (default: OPENAI_API_KEY)')
    .option('--concurrency <count>', 'requests under way at once', whole(1, 256), 4)
    .option(
      '--timeout <seconds>',
      'for one attempt of a request; all attempts and the waits between get their time',
      whole(1, 86_400),
      60,
    )
    .option('--attempts <count>', 'tries of a request that fails for a passing reason', whole(1, 100), 5)
    .option('--no-cache', 'ask again instead of reading replies kept on disk');

/**
 * The client that the options and the environment describe; undefined without a base URL.
 *
 * @param gate lets each request pass that leaves for the endpoint
 * @throws {FungiError} INVALID_ARGUMENT when model or key are missing
 */
export async function createLlm(flags: LlmFlags, context: Context, gate?: RequestGate): Promise<LlmClient | undefined> {
  const { config, effects, log } = context;
  const baseUrl = flags.baseUrl ?? config.llmBaseUrl;
  if (baseUrl === undefined) return undefined;
  const model = flags.model ?? config.llmModel;
  if (model === undefined) {
    throw new FungiError('INVALID_ARGUMENT', `the LLM at ${baseUrl} needs a model name`, {
      hint: 'Name it with --model or OPENAI_MODEL.',
    });
  }
  const apiKey = flags.apiKeyEnv === undefined ? config.llmApiKey : effects.env[flags.apiKeyEnv];
  if (flags.apiKeyEnv !== undefined && apiKey === undefined) {
    throw new FungiError('INVALID_ARGUMENT', `the environment variable ${flags.apiKeyEnv} is not set`, {
      hint: 'Set it to the API key, or leave --api-key-env out for a server that asks for none.',
    });
  }
  const { OpenAiClient } = await import('../llm/openai.js');
  const { BreakerClient } = await import('../llm/breaker.js');
  const { CachedClient } = await import('../llm/cache.js');
  const client = new BreakerClient(
    new OpenAiClient({
      baseUrl,
      model,
      apiKey,
      concurrency: flags.concurrency,
      attemptTimeoutMs: flags.timeout * 1000,
      retry: { attempts: flags.attempts },
      logger: log,
      gate,
    }),
  );
  return flags.cache ? new CachedClient(client, { folder: join(config.cacheDir, 'llm'), logger: log }) : client;
}

/** Who answers, for people. */
export const nameOf = (llm: LlmClient | undefined): string =>
  llm === undefined
    ? 'majority vote of the nearest examples (no LLM: set OPENAI_BASE_URL or --base-url)'
    : `LLM ${llm.settings.model}`;
