/** One way into all kinds of data: a file, a folder, a published set's own format, a data set of a hub. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';

import { readConfig } from '../../core/config.js';
import { FungiError } from '../../core/errors.js';
import type { SourceOptions } from '../../encoders/sources/options.js';
import { SPLITS, type FormatReader, type Split } from './formats/format.js';
import { FORMATS } from './formats/formats.js';
import { parseHubDataset, type HubDataset } from './hub-id.js';
import { labelFolderRows } from './label-folder-rows.js';
import { delimitedRows, jsonlRows, type Row } from './rows.js';

import { WHAT_TO_GIVE } from './utf8-file.js';

export interface SourceRowsOptions {
  /** Keys that have to hold one value a row. */
  readonly needed: readonly string[];
  /** Told what was left out or read otherwise than it stands there. */
  readonly warn: (message: string) => void;
  /** Cache, hub and network for `hf:`. @default what the environment says */
  readonly hub?: SourceOptions | undefined;
}

/**
 * Rows of a source, in its order:
 * - `hf:owner/name/config:split`, a data set of a Hugging Face hub;
 * - `FORMAT:PATH` or `FORMAT:PATH:SPLIT`, a published set's own files, see {@link FORMATS};
 * - a folder `DIR/<label>/<file>` of texts (.txt), images or sounds;
 * - a .jsonl, .csv, .tsv or .parquet file. A file whose name begins like one of the first two is named `./hf:…`.
 *
 * @throws {FungiError} FILE_NOT_FOUND; INVALID_ARGUMENT on another file type or a split that is missing; INVALID_DATA, "file:line" first, on
 *   what the file holds; DOWNLOAD_FAILED and STORAGE_FAILED for `hf:`
 */
export async function* sourceRows(source: string, options: SourceRowsOptions): AsyncGenerator<Row> {
  const dataset = parseHubDataset(source);
  const format = parseFormat(source);
  if (dataset !== undefined) yield* hubRows(source, dataset, options);
  else if (format !== undefined) yield* format.read(format.path, { split: format.split, warn: options.warn });
  else if (await isFolder(source)) yield* labelFolderRows(source, options.warn);
  else yield* fileRows(source, options);
}

async function* hubRows(
  source: string,
  dataset: HubDataset,
  { hub, ...options }: SourceRowsOptions,
): AsyncGenerator<Row> {
  const { hubSplitFiles } = await import('./hub-dataset.js');
  const { parquetRows } = await import('./parquet-rows.js');
  const paths = await hubSplitFiles(dataset, hub ?? readConfig());
  for (const [i, path] of paths.entries()) {
    yield* parquetRows(path, { ...options, name: paths.length === 1 ? source : `${source}/${i}.parquet` });
  }
}

interface NamedFormat {
  readonly read: FormatReader;
  readonly path: string;
  readonly split: Split | undefined;
}

/** What people and files call the split in between. */
const SPLIT_NAMES = new Map<string, Split>([
  ...SPLITS.map((split) => [split, split] as const),
  ...['val', 'valid', 'dev'].map((name) => [name, 'validation'] as const),
]);

function parseFormat(source: string): NamedFormat | undefined {
  const [name] = source.split(':', 1);
  const read = FORMATS.get(name!);
  if (read === undefined || name === source) return undefined;
  const rest = source.slice(name!.length + 1);
  const colon = rest.lastIndexOf(':');
  const split = SPLIT_NAMES.get(rest.slice(colon + 1));
  return colon === -1 || split === undefined
    ? { read, path: rest, split: undefined }
    : { read, path: rest.slice(0, colon), split };
}

/** Of what is not there it says no: the reader tells. */
const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true;

const FILE_READERS: ReadonlyMap<string, (path: string, options: SourceRowsOptions) => AsyncGenerator<Row>> = new Map([
  ['.jsonl', jsonlRows],
  ['.csv', (path: string) => delimitedRows(path, ',')],
  ['.tsv', (path: string) => delimitedRows(path, '\t')],
  ['.parquet', parquetFileRows],
]);

async function* parquetFileRows(path: string, options: SourceRowsOptions): AsyncGenerator<Row> {
  const { parquetRows } = await import('./parquet-rows.js');
  yield* parquetRows(path, options);
}

async function* fileRows(path: string, options: SourceRowsOptions): AsyncGenerator<Row> {
  const extension = extname(path).toLowerCase();
  const read = FILE_READERS.get(extension);
  if (read === undefined) {
    const found =
      extension === ''
        ? 'a name without an ending does not say what the file is'
        : `cannot read "${extension}" files as examples`;
    throw new FungiError('INVALID_ARGUMENT', `${path}: ${found}`, { hint: WHAT_TO_GIVE, details: { path, extension } });
  }
  yield* read(path, options);
}
