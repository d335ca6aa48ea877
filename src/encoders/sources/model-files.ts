/** A model on disk: which files of a folder make it up. */
import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import { WEIGHTS_FILE, convertBert } from '../bert-conversion.js';
import { linkedFolder } from '../linked-folder.js';
import { readOrigin } from './origin.js';

export const MODEL_SOURCES = ['folder', 'cache', 'hub', 'package'] as const;
export type ModelSource = (typeof MODEL_SOURCES)[number];

export interface ModelFiles {
  readonly id: string;
  /** Holds configs and tokenizer. */
  readonly folder: string;
  /** The ONNX graph; its external data lie in the same folder. */
  readonly modelPath: string;
  /** The files whose bytes make the numbers: the graph and its external data. */
  readonly weightFiles: readonly string[];
  /** Where it was found, or fetched from just now. */
  readonly source: ModelSource;
  /** As the model card or the package states it. */
  readonly licence: string | undefined;
  /** Size of the weight files. */
  readonly bytes: number;
}

/** Exporters' places for the graph, best first. */
const GRAPHS = ['onnx/model.onnx', 'model.onnx'];

export interface LocateOptions {
  readonly cacheDir: string;
  readonly file?: string | undefined;
  readonly log?: Logger | undefined;
}

/**
 * The model in `folder`, undefined when it holds none. A BERT in safetensors form is converted.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED, MODEL_CORRUPT when its safetensors cannot be converted
 */
export async function locateModel(
  id: string,
  folder: string,
  source: ModelSource,
  options: LocateOptions,
): Promise<ModelFiles | undefined> {
  const graph = await firstFile(folder, options.file === undefined ? GRAPHS : [options.file]);
  const weightFiles =
    graph !== undefined
      ? await withExternalData(graph, options)
      : options.file === undefined && (await firstFile(folder, [WEIGHTS_FILE])) !== undefined
        ? await converted(folder, options)
        : undefined;
  if (weightFiles === undefined) return undefined;
  const sizes = await Promise.all(weightFiles.map(async (path) => (await stat(path)).size));
  if (sizes.includes(0)) {
    throw new FungiError('MODEL_CORRUPT', `${weightFiles[sizes.indexOf(0)]!}: the file is empty`, {
      hint: 'Fetch the model again.',
    });
  }
  const licence = (await readOrigin(folder))?.licence ?? (await licenceOfCard(folder));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { id, folder, modelPath: weightFiles[0]!, weightFiles, source, licence, bytes };
}

async function converted(folder: string, options: LocateOptions): Promise<string[]> {
  const graph = await convertBert(folder, options);
  return [graph, join(dirname(graph), WEIGHTS_FILE)];
}

/**
 * The graph and the files named after it (model.onnx_data, model.onnx.data). In a hub cache both are links to files elsewhere,
 * which onnxruntime does not follow: a graph alone is named by its real path, one with data gets a folder of links.
 */
async function withExternalData(graph: string, options: LocateOptions): Promise<string[]> {
  const folder = dirname(graph);
  const isData = (name: string) =>
    name.startsWith(`${basename(graph)}_data`) || name.startsWith(`${basename(graph)}.data`);
  const data = (await readdir(folder)).filter(isData).sort();
  const files = [graph, ...data.map((name) => join(folder, name))];
  if (data.length === 0) return [await realpath(graph)];
  const real = await Promise.all(files.map((path) => realpath(path)));
  if (real.every((path) => dirname(path) === dirname(real[0]!) && basename(path).startsWith(basename(graph))))
    return real;
  const links = await linkedFolder(files, options.cacheDir, options.log);
  return files.map((path) => join(links, basename(path)));
}

async function firstFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = join(folder, name);
    if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
  }
  return undefined;
}

/** `license:` of the front matter of a model card. */
async function licenceOfCard(folder: string): Promise<string | undefined> {
  const card = await readFile(join(folder, 'README.md'), 'utf8').catch(() => '');
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1];
  return frontMatter === undefined ? undefined : /^license:[ \t]*["']?([\w.-]+)/m.exec(frontMatter)?.[1];
}
