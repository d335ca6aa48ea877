import { extname, resolve } from 'node:path';

import { FungiError } from '../../core/errors.js';
import { labelledFiles } from './label-folders.js';
import { labelledRow } from './labelled-row.js';
import { isMediaFile } from './media.js';
import type { Row } from './rows.js';
import { readUtf8 } from './utf8-file.js';

/**
 * A row for each file of `DIR/<label>/<file>`: of a .txt file its text, less the line break at its end; of an image or a sound its path.
 *
 * @throws {FungiError} INVALID_DATA naming the file, when one is neither; as {@link labelledFiles} and {@link readUtf8}
 */
export async function* labelFolderRows(root: string, warn: (message: string) => void): AsyncGenerator<Row> {
  for (const { path, label } of await labelledFiles(root, warn)) {
    if (isMediaFile(path)) {
      yield labelledRow(path, resolve(path), label);
    } else if (extname(path).toLowerCase() === '.txt') {
      yield labelledRow(path, await textOf(path), label);
    } else {
      throw new FungiError(
        'INVALID_DATA',
        `${path}: neither a .txt file nor an image or a sound; each file in a folder of a label is one example`,
        {
          hint: 'Move it away, or write the examples into one .jsonl, .csv or .tsv file.',
          details: { path },
        },
      );
    }
  }
}

async function textOf(path: string): Promise<string> {
  let text = '';
  for await (const block of readUtf8(path)) text += block;
  return text.replace(/\r?\n$/, '');
}
