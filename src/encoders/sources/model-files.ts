/** A model on disk: which files of a folder make it up. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { FungiError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import { isQuantisedModel } from '../../onnx/quantised.js';
import { WEIGHTS_FILE, convertBert } from '../bert-conversion.js';
import { linkedFolder } from '../linked-folder.js';
import { externalDataFiles } from './external-data.js';
import { readOrigin } from './origin.js';

export const MODEL_SOURCES = ['builtin', 'folder', 'cache', 'hub', 'package'] as const;
export type ModelSource = (typeof MODEL_SOURCES)[number];

export interface ModelFiles {
  readonly id: string;
  /** Holds configs and tokenizer. */
  readonly folder: string;
  /** The ONNX graph; its external data lie in the same folder. */
  readonly modelPath: string;
  /** The files whose bytes make the numbers: the graph and its external data. */
  readonly weightFiles: readonly string[];
  /** The same of its unquantised export, where the graph is quantised and this lies beside it. */
  readonly unquantised: readonly string[] | undefined;
  /** Where it was found, or fetched from just now; `builtin` is this package, `package` one of the package index. */
  readonly source: ModelSource;
  /** As the model card or the package states it. */
  readonly licence: string | undefined;
  /** Size of the weight files. */
  readonly bytes: number;
}

/** Where a folder or a repository keeps its weights, best first: an export is used as it is, safetensors are converted. */
export const WEIGHTS = [
  // Of an encoder-decoder model, whose model.onnx would be both.
  'onnx/encoder_model.onnx',
  'encoder_model.onnx',
  'onnx/model.onnx',
  'model.onnx',
  WEIGHTS_FILE,
] as const;

export interface LocateOptions {
  readonly cacheDir: string;
  readonly file?: string | undefined;
  readonly log?: Logger | undefined;
}

/**
 * The model in `folder`, undefined when it holds none. A BERT in safetensors form is converted.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED, MODEL_CORRUPT when its safetensors cannot be converted, or the graph or a file of its
 *   weights is damaged, missing or elsewhere
 */
export async function locateModel(
  id: string,
  folder: string,
  source: ModelSource,
  options: LocateOptions,
): Promise<ModelFiles | undefined> {
  const file = await firstFile(folder, options.file === undefined ? WEIGHTS : [options.file]);
  if (file === undefined) return undefined;
  const path = join(folder, file);
  const weightFiles = file === WEIGHTS_FILE ? await converted(folder, options) : await withExternalData(path, options);
  const sizes = await Promise.all(weightFiles.map(async (weights) => (await stat(weights)).size));
  const unquantised = await unquantisedBeside(folder, file, weightFiles[0]!, options);
  const licence = (await readOrigin(folder))?.licence ?? (await licenceOfCard(folder));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { id, folder, modelPath: weightFiles[0]!, weightFiles, unquantised, source, licence, bytes };
}

async function converted(folder: string, options: LocateOptions): Promise<string[]> {
  const graph = await convertBert(folder, options);
  return [graph, join(dirname(graph), WEIGHTS_FILE)];
}

/** Exports that `file` may be a form of, by its name, those beside it first: encoder_model_quantized.onnx is one of encoder_model.onnx. */
export function exportsOf(file: string): readonly string[] {
  const isForm = (name: string): boolean => basename(file).startsWith(basename(name, '.onnx'));
  const beside = (name: string): number => Number(posix.dirname(name) === posix.dirname(posix.normalize(file)));
  return WEIGHTS.filter((name) => name !== WEIGHTS_FILE && isForm(name)).toSorted((a, b) => beside(b) - beside(a));
}

/** The export that a quantised one was made of, as hubs keep it beside: onnx/model_quantized.onnx, onnx/model.onnx. */
async function unquantisedBeside(
  folder: string,
  file: string,
  graph: string,
  options: LocateOptions,
): Promise<readonly string[] | undefined> {
  const exports: readonly string[] = WEIGHTS.filter((name) => name !== WEIGHTS_FILE);
  if (exports.includes(posix.normalize(file)) || file === WEIGHTS_FILE) return undefined;
  const main = await firstFile(folder, exportsOf(file));
  if (main === undefined || !isQuantisedModel(graph)) return undefined;
  return withExternalData(join(folder, main), options);
}

/**
 * The graph and the files that its tensors lie in. In a hub cache all are links to files elsewhere and under other names, which
 * onnxruntime does not follow: a graph alone is named by its real path, one with data gets a folder of links.
 */
async function withExternalData(graph: string, options: LocateOptions): Promise<string[]> {
  const folder = dirname(graph);
  const data = externalDataFiles(graph).filter((name) => name !== basename(graph));
  for (const name of data) {
    if ((await firstFile(folder, [name])) !== undefined) continue;
    throw new FungiError('MODEL_CORRUPT', `${graph}: its weights are in ${name}, which is missing from ${folder}`, {
      hint: `Put ${name} into the same folder; a model of the hub keeps it beside the graph.`,
    });
  }
  const files = [graph, ...data.map((name) => join(folder, name))];
  const real = await Promise.all(files.map((path) => realpath(path)));
  const home = dirname(real[0]!);
  if (data.every((name, i) => real[i + 1] === join(home, name))) return real;
  const links = await linkedFolder(files, options.cacheDir, options.log);
  return files.map((path) => join(links, basename(path)));
}

/** The first of `names` that is a file of `folder`. */
async function firstFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    if ((await stat(join(folder, name)).catch(() => undefined))?.isFile() === true) return name;
  }
  return undefined;
}

/** `license:` of the front matter of a model card. */
async function licenceOfCard(folder: string): Promise<string | undefined> {
  const card = await readFile(join(folder, 'README.md'), 'utf8').catch(() => '');
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1];
  return frontMatter === undefined ? undefined : /^license:[ \t]*["']?([\w.-]+)/m.exec(frontMatter)?.[1];
}
