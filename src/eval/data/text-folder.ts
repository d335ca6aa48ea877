import { extname } from 'node:path';

import { FungiError } from '../../core/errors.js';
import { labelledFiles } from './label-folders.js';
import { labelledRow } from './labelled-row.js';
import type { Row } from './rows.js';
import { readUtf8 } from './utf8-file.js';

/**
 * A row for each file of `DIR/<label>/<file>.txt`: its text, less the line break at its end.
 *
 * @throws {FungiError} INVALID_DATA naming the file, when one is no .txt file; as {@link labelledFiles} and {@link readUtf8}
 */
export async function* textFolderRows(root: string, warn: (message: string) => void): AsyncGenerator<Row> {
  for (const { path, label } of await labelledFiles(root, warn)) {
    if (extname(path).toLowerCase() !== '.txt') {
      throw new FungiError('INVALID_DATA', `${path}: not a .txt file; each file in a folder of a label is one text`, {
        hint: 'Move it away, or write the examples into one .jsonl, .csv or .tsv file.',
        details: { path },
      });
    }
    let text = '';
    for await (const block of readUtf8(path)) text += block;
    yield labelledRow(path, text.replace(/\r?\n$/, ''), label);
  }
}
