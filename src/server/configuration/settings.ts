/**
 * Every setting of the server, once: a key of the configuration file, a variable `FUNGI_…` of the environment and an option of
 * `fungi serve` are three spellings of one name. config/default.yaml and docs/operations.md show them all; a test holds them to this table.
 */
import { z } from 'zod';
import { DEFAULT_ENCODER, DEFAULT_INDEXES } from '../../selector/options.js';
import { SCOPES } from '../route.js';

const whole = (least: number, most = 2 ** 31 - 1) => z.int().min(least).max(most);
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const indexName = z.string().regex(NAME, 'is not an index name');

export const apiKeySchema = z.strictObject({
  name: z.string(),
  /** Of the key, hex: `fungi keys create` prints it. */
  sha256: z.string(),
  scope: z.enum(SCOPES),
  requestsPerMinute: whole(1).optional(),
});

interface Setting<S extends z.ZodType = z.ZodType> {
  /** Of the value; what is not given is null unless the schema has a default. */
  readonly schema: S;
  readonly description: string;
  /** How a variable or an option is read, which hold text only. @default text */
  readonly from?: 'number' | 'boolean' | 'list' | 'keys';
  /** Shown as `***`. */
  readonly isSecret?: true;
}

const setting = <S extends z.ZodType>(definition: Setting<S>): Setting<S> => definition;

export const SETTINGS = {
  host: setting({ schema: z.string().min(1).default('127.0.0.1'), description: 'address to listen on' }),
  port: setting({
    schema: whole(0, 65_535).default(8420),
    from: 'number',
    description: 'port; 0 for any that is free',
  }),
  metricsPort: setting({
    schema: whole(0, 65_535).nullable().default(null),
    from: 'number',
    description: 'port of its own for /metrics, on the same host and without keys; none: /metrics is on the main port',
  }),
  insecure: setting({
    schema: z.boolean().default(false),
    from: 'boolean',
    description: 'listen beyond this machine without asking for keys',
  }),
  trustProxy: setting({
    schema: whole(0, 100).default(0),
    from: 'number',
    description: 'how many proxies in front of the server write X-Forwarded-For',
  }),
  apiKeys: setting({
    schema: z.array(apiKeySchema).default([]),
    from: 'keys',
    description: 'keys that are let in: name:scope:sha256 each, scope read, write or admin',
  }),
  requestsPerMinute: setting({
    schema: whole(1).nullable().default(null),
    from: 'number',
    description: 'requests of one key, or of one address where no keys are asked for, a minute',
  }),
  indexes: setting({ schema: z.string().min(1).default(DEFAULT_INDEXES), description: 'folder of all indexes' }),
  preload: setting({
    schema: z.array(indexName).default([]),
    from: 'list',
    description: 'indexes without which the server is not ready: opened at the start',
  }),
  encoders: setting({
    schema: z.array(z.string().min(1)).default([DEFAULT_ENCODER]),
    from: 'list',
    description:
      'encoders for plain embeddings and new indexes, the first where a request names none; NAME=FOLDER offers a folder under a name',
  }),
  processes: setting({ schema: whole(1, 64).default(1), from: 'number', description: 'model processes' }),
  threads: setting({
    schema: whole(0, 256).default(0),
    from: 'number',
    description: "threads of each model process; 0 takes every core, within a container's CPU quota",
  }),
  batchTokens: setting({
    schema: whole(1).default(8192),
    from: 'number',
    description: 'tokens of one run of the model',
  }),
  queueTokens: setting({
    schema: whole(1).default(262_144),
    from: 'number',
    description: 'tokens that may wait for the model; more is refused with 503',
  }),
  maxWaitMs: setting({
    schema: whole(1).default(5000),
    from: 'number',
    description: 'how long a query may wait for the model, milliseconds; longer is refused with 503',
  }),
  runLimitMs: setting({
    schema: whole(100).default(60_000),
    from: 'number',
    description: 'milliseconds after which a run counts as hung and its process is replaced',
  }),
  openLimitMs: setting({
    schema: whole(1000).default(600_000),
    from: 'number',
    description:
      'milliseconds after which opening a model, its download included, counts as hung and its process is replaced',
  }),
  cacheMegabytes: setting({
    schema: whole(0, 1_000_000).default(64),
    from: 'number',
    description: 'features of queries kept in memory',
  }),
  deadlineMs: setting({
    schema: whole(1).default(30_000),
    from: 'number',
    description: 'milliseconds from a request to its reply',
  }),
  maxConnections: setting({
    schema: whole(1).default(1024),
    from: 'number',
    description: 'open connections; further ones are closed',
  }),
  graceMs: setting({
    schema: whole(0).default(0),
    from: 'number',
    description: 'after SIGTERM, milliseconds of answering on while unready, for balancers to notice',
  }),
  drainMs: setting({
    schema: whole(0).default(25_000),
    from: 'number',
    description: 'after SIGTERM, milliseconds for requests under way to end',
  }),
  logLevel: setting({
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    description: 'least level of what is logged',
  }),
  llmBaseUrl: setting({
    schema: z.string().min(1).nullable().default(null),
    description: 'OpenAI-compatible endpoint behind /answer and /v1/chat/completions (default: OPENAI_BASE_URL)',
  }),
  llmModel: setting({
    schema: z.string().min(1).nullable().default(null),
    description: 'name of the LLM that /answer asks (default: OPENAI_MODEL)',
  }),
  llmApiKey: setting({
    schema: z.string().min(1).nullable().default(null),
    description:
      'key for the endpoint, as a variable or in a file: options show in the list of processes (default: OPENAI_API_KEY)',
    isSecret: true,
  }),
  chatIndex: setting({
    schema: indexName.nullable().default(null),
    description: 'index whose examples a chat completion gets that names none',
  }),
  chatTemplate: setting({
    schema: z.string().min(1).default('turns'),
    description: 'how examples stand in a chat completion',
  }),
  chatK: setting({ schema: whole(1, 1000).default(20), from: 'number', description: 'how many of them' }),
} satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export type Settings = { readonly [K in SettingName]: z.output<(typeof SETTINGS)[K]['schema']> };

const words = (name: string): string[] => name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());

/** `maxWaitMs` → `FUNGI_MAX_WAIT_MS` */
export const variableOf = (name: string): string => `FUNGI_${words(name).join('_').toUpperCase()}`;
/** `maxWaitMs` → `max-wait-ms` */
export const optionOf = (name: string): string => words(name).join('-');
