/** How token states become one vector, and where that is written: the option, sentence-transformers' files, or the default. */
import { join, posix } from 'node:path';
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { isPooling, POOLING_FORMS, type Pooling, type PoolingSource } from './encoder.js';
import { readJsonFile } from './json-file.js';
import { isPlainPath } from './sources/plain-path.js';

export interface PoolingChoice {
  readonly pooling: Pooling;
  readonly source: PoolingSource;
}

const modulesSchema = z.array(z.looseObject({ path: z.string(), type: z.string() }));
const poolingSchema = z.record(z.string(), z.unknown());

/** Where sentence-transformers puts its pooling settings when no modules.json says otherwise. */
const USUAL_FOLDER = '1_Pooling';
/** Modules whose work is done here, or undone by the normalisation of features. */
const UNDERSTOOD = new Set(['Transformer', 'Pooling', 'Normalize']);

/**
 * The pooling of the model in `folder`: `option` if given; else what sentence-transformers' modules.json and pooling config
 * say; else the first token, as BERT is used in the paper. A Normalize module is skipped: features are normalised anyway.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED when the files ask for a pooling other than these two
 */
export async function choosePooling(folder: string, option?: Pooling): Promise<PoolingChoice> {
  if (option !== undefined) {
    assertPooling(option);
    return { pooling: option, source: 'option' };
  }
  const path = join(folder, 'modules.json');
  const modules = await readJsonFile(path, modulesSchema);
  const extra = modules?.map(({ type }) => type.split('.').at(-1)!).filter((type) => !UNDERSTOOD.has(type)) ?? [];
  if (extra.length > 0) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${path}: the embedding passes through ${extra.join(', ')}, which is not applied here`,
      {
        hint: 'Choose --pooling first|mean to use the encoder without it; the embedding then differs from the published one.',
      },
    );
  }
  const module = poolingModule(modules);
  if (modules !== undefined && module === undefined) return { pooling: 'first', source: 'default' };
  const name = settingsOf(module);
  if (!isPlainPath(name))
    throw new FungiError('MODEL_CORRUPT', `${path}: its pooling module lies in "${module!.path}", outside the model`);
  const settingsPath = join(folder, name);
  const settings = await readJsonFile(settingsPath, poolingSchema);
  if (settings !== undefined) return { pooling: poolingOf(settings, settingsPath), source: 'modules.json' };
  if (module === undefined) return { pooling: 'first', source: 'default' };
  throw new FungiError('MODEL_CORRUPT', `${settingsPath}: missing, though modules.json names it`, {
    hint: 'Put the file there (the repository of the model has it), or choose with --pooling first|mean.',
  });
}

/** @throws {FungiError} INVALID_ARGUMENT */
export function assertPooling(pooling: Pooling): void {
  if (isPooling(pooling)) return;
  throw new FungiError('INVALID_ARGUMENT', `pooling "${pooling as string}" is none: it is ${POOLING_FORMS}`);
}

/**
 * The pooling settings that modules.json of `folder` names, relative to it: a file that a download has to bring along.
 *
 * @throws {FungiError} MODEL_CORRUPT when modules.json is damaged
 */
export async function poolingSettingsFile(folder: string): Promise<string> {
  return settingsOf(poolingModule(await readJsonFile(join(folder, 'modules.json'), modulesSchema)));
}

type Module = z.infer<typeof modulesSchema>[number];

const poolingModule = (modules: readonly Module[] | undefined): Module | undefined =>
  modules?.find(({ type }) => type.endsWith('.Pooling'));

/** The path of a module is empty when it lies in the model's own folder. */
const settingsOf = (module: Module | undefined): string => posix.join(module?.path ?? USUAL_FOLDER, 'config.json');

const KNOWN: Readonly<Record<string, Pooling>> = {
  cls: 'first',
  cls_token: 'first',
  mean: 'mean',
  mean_tokens: 'mean',
};

/** Reads `pooling_mode: "mean"` of newer and `pooling_mode_mean_tokens: true` of older configs. */
function poolingOf(settings: Readonly<Record<string, unknown>>, path: string): Pooling {
  const flags = Object.entries(settings).filter(([key, on]) => key.startsWith('pooling_mode_') && on === true);
  const mode = settings['pooling_mode'];
  const modes =
    flags.length > 0 ? flags.map(([key]) => key.slice('pooling_mode_'.length)) : typeof mode === 'string' ? [mode] : [];
  const pooling = modes.length === 1 ? KNOWN[modes[0]!] : undefined;
  if (pooling !== undefined) return pooling;
  const found = modes.length === 0 ? 'no pooling mode' : `pooling ${modes.join(' + ')}`;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${path}: asks for ${found}; supported are first (cls_token) and mean (mean_tokens)`,
    {
      hint: 'Choose one with --pooling first|mean; the embedding then differs from the published one.',
      details: { modes },
    },
  );
}
