/** A folder with config.json and model.safetensors becomes one with an ONNX graph beside the weights. */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFileWith } from '../core/atomic-file.js';
import { silentLogger, type Logger } from '../core/log.js';
import { readSafetensorsHeader } from '../core/safetensors.js';
import { readBertConfig } from './bert-config.js';
import { bertGraph } from './bert-graph.js';
import { linkedFolder } from './linked-folder.js';

export const WEIGHTS_FILE = 'model.safetensors';
/** Not model.onnx, so that a graph of ours is made anew when the weights change, and an export is never replaced. */
export const GRAPH_FILE = 'model.from-safetensors.onnx';

export interface ConversionOptions {
  /** Holds the graph, and a link to the weights, when the model's folder cannot. */
  readonly cacheDir: string;
  readonly log?: Logger | undefined;
}

/**
 * Writes the graph and returns its path; the folder it lies in holds the weights too, since onnxruntime reads external data
 * from the graph's own folder only and follows no link out of it. Takes milliseconds, so it is not skipped when already done.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED, MODEL_CORRUPT
 */
export async function convertBert(
  folder: string,
  { cacheDir, log = silentLogger }: ConversionOptions,
): Promise<string> {
  const config = await readBertConfig(folder);
  const weights = join(folder, WEIGHTS_FILE);
  const { tensors } = await readSafetensorsHeader(weights);
  const graph = bertGraph(config, { tensors, location: WEIGHTS_FILE, path: weights });
  if (!(await lstat(weights)).isSymbolicLink()) {
    try {
      return await put(graph, join(folder, GRAPH_FILE));
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      log.info(`${folder} cannot be written: the converted graph goes to the cache`);
    }
  }
  return put(graph, join(await linkedFolder([weights], cacheDir, log), GRAPH_FILE));
}

async function put(graph: Uint8Array, path: string): Promise<string> {
  const old = await readFile(path).catch(() => undefined);
  if (old?.equals(graph) !== true) await replaceFileWith(path, graph);
  return path;
}
