/** Settings from where they may stand: an option goes before the environment, that before the file, that before the default. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Environment } from '../../core/config.js';
import { FungiError } from '../../core/errors.js';
import { SETTING_NAMES, SETTINGS, optionOf, variableOf, type SettingName, type Settings } from './settings.js';

/** Where a value stood, for messages: `--port`, `FUNGI_PORT`, `port in fungi.yaml`. */
type Where = string;

export interface SettingSources {
  /** Options as text, by setting. */
  readonly options?: Readonly<Partial<Record<SettingName, string>>>;
  readonly environment?: Environment;
  /** Path of a YAML file. */
  readonly file?: string | undefined;
}

/** Variables of the environment that begin alike, and are read elsewhere (src/core/config.ts). */
const OTHERS = new Set(['FUNGI_CACHE', 'FUNGI_OFFLINE', 'FUNGI_PYTHON']);

/** @throws {FungiError} INVALID_ARGUMENT naming where the value stands; FILE_NOT_FOUND for the file */
export async function readSettings({ options = {}, environment = {}, file }: SettingSources): Promise<Settings> {
  const inFile = file === undefined ? {} : await readFileSettings(file);
  refuseUnknown(environment);
  const values = SETTING_NAMES.map((name) => {
    const variable = environment[variableOf(name)];
    if (options[name] !== undefined) return [name, read(name, fromText(name, options[name]), `--${optionOf(name)}`)];
    if (variable !== undefined && variable !== '')
      return [name, read(name, fromText(name, variable), variableOf(name))];
    return [name, read(name, inFile[name], `${name} in ${file ?? 'the defaults'}`)];
  });
  return Object.fromEntries(values) as Settings;
}

/** Options that gave a secret: every user of the machine may have read them off the list of processes. */
export function exposedSecrets(options: NonNullable<SettingSources['options']>): string[] {
  return SETTING_NAMES.filter((name) => 'isSecret' in SETTINGS[name] && options[name] !== undefined).map(
    (name) => `--${optionOf(name)}`,
  );
}

/** Settings with secrets masked, as a file that sets them all. */
export function shownSettings(settings: Settings): Record<string, unknown> {
  return Object.fromEntries(
    SETTING_NAMES.map((name) => {
      const definition = SETTINGS[name];
      const value: unknown = settings[name];
      if ('isSecret' in definition && value !== null) return [name, '***'];
      if (name === 'apiKeys') return [name, settings.apiKeys.map((key) => ({ ...key, sha256: '***' }))];
      return [name, value];
    }),
  );
}

function read(name: SettingName, value: unknown, where: Where): unknown {
  const parsed = SETTINGS[name].schema.safeParse(value ?? undefined);
  if (parsed.success) return parsed.data;
  throw new FungiError('INVALID_ARGUMENT', `${where}: ${z.prettifyError(parsed.error).replace(/^✖ /, '')}`, {
    hint: `It is: ${SETTINGS[name].description}.`,
    details: { setting: name },
  });
}

/** A value as its text says it; text that says none is left for the schema to refuse. */
function fromText(name: SettingName, text: string): unknown {
  const definition = SETTINGS[name];
  const kind = 'from' in definition ? definition.from : undefined;
  const parts = (): string[] => text.split(',').map((part) => part.trim()).filter((part) => part !== ''); // prettier-ignore
  switch (kind) {
    case 'number':
      return /^\d+$/.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return { true: true, false: false, 1: true, 0: false }[text.toLowerCase()] ?? text;
    case 'list':
      return parts();
    case 'keys':
      return parts().map((part) => {
        const [keyName, scope, sha256, ...rest] = part.split(':');
        return rest.length > 0 ? part : { name: keyName, scope, sha256 };
      });
    default:
      return text;
  }
}

async function readFileSettings(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FungiError('FILE_NOT_FOUND', `the configuration file ${path} cannot be read`, { cause });
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new FungiError('INVALID_ARGUMENT', `${path} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new FungiError('INVALID_ARGUMENT', `${path} has to hold settings, as "port: 8080"`);
  }
  const unknown = Object.keys(value).find((key) => !SETTING_NAMES.includes(key as SettingName));
  if (unknown !== undefined) throw unknownSetting(`"${unknown.slice(0, 80)}" in ${path}`, SETTING_NAMES);
  return value as Record<string, unknown>;
}

function refuseUnknown(environment: Environment): void {
  const known = new Set(SETTING_NAMES.map(variableOf));
  const unknown = Object.keys(environment).find(
    (name) => name.startsWith('FUNGI_') && !known.has(name) && !OTHERS.has(name),
  );
  if (unknown !== undefined) throw unknownSetting(`the environment variable ${unknown.slice(0, 80)}`, [...known]);
}

const unknownSetting = (what: string, known: readonly string[]): FungiError =>
  new FungiError('INVALID_ARGUMENT', `${what} is no setting of the server`, {
    hint: `There are: ${known.join(', ')}.`,
  });
