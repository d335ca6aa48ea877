/** TweetEval: the folder of a task in https://github.com/cardiffnlp/tweeteval, e.g. datasets/emoji. */
import { join } from 'node:path';

import { labelledRow } from '../labelled-row.js';
import { utf8Lines } from '../utf8-file.js';
import { requiredSplit, wrongLine, type FormatReader, type Split } from './format.js';
import { parallelLines } from './parallel-lines.js';

const PREFIXES: Readonly<Record<Split, string>> = { train: 'train', validation: 'val', test: 'test' };

/**
 * Tweets of `<split>_text.txt` with the numbers of `<split>_labels.txt`, named by mapping.txt: its last column, `_red_heart_` for emoji.
 * Lines without a text are left out, with a warning.
 *
 * @throws {FungiError} INVALID_ARGUMENT without a split; FILE_NOT_FOUND; INVALID_DATA on files of unequal length or a number without a name
 */
export const tweeteval: FormatReader = async function* (folder, { split, warn }) {
  const prefix = PREFIXES[requiredSplit(split, folder)];
  const names = await mapping(join(folder, 'mapping.txt'));
  const texts = join(folder, `${prefix}_text.txt`);
  const labels = join(folder, `${prefix}_labels.txt`);
  let empty = 0;
  for await (const { where, text, label } of parallelLines(texts, labels)) {
    const name = names.get(label.trim());
    if (name === undefined) throw wrongLine(where.replace(texts, labels), label, 'a number that mapping.txt names');
    if (text.trim() === '') empty++;
    else yield labelledRow(where, text, name);
  }
  if (empty > 0) warn(`${texts}: ${empty === 1 ? '1 line has' : `${empty} lines have`} no text: left out`);
};

async function mapping(path: string): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const { line, text } of utf8Lines(path)) {
    if (text.trim() === '') continue;
    const columns = text.split('\t').filter((column) => column !== '');
    if (columns.length < 2) throw wrongLine(`${path}:${line}`, text, 'a number, a tab and a name');
    names.set(columns[0]!, columns.at(-1)!);
  }
  return names;
}
