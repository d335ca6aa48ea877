/** Reads texts to answer: as labelled examples when they carry labels, and without when they do not. */
import { extname } from 'node:path';
import { assertText } from '../core/text.js';
import { atKey, readExamples } from '../eval/data/read-examples.js';
import { delimitedRows, jsonlRows } from '../eval/data/rows.js';
import type { KeyFlags } from './options.js';

export interface Query {
  readonly input: string;
  /** The right answer, where the file has it. */
  readonly label?: string;
}

/** @throws {FungiError} as {@link readExamples}; the label may be missing, from every row alike, unless its key is given */
export async function readQueries(path: string, keys: KeyFlags): Promise<readonly Query[]> {
  const { inputKey = 'text', labelKey = 'label' } = keys;
  const labelled = async (): Promise<readonly Query[]> => {
    // Queries are told apart by their place, so that an id column need not be unique.
    return (await readExamples(path, { ...keys, idKey: null })).examples;
  };
  const rows = rowsOf(path);
  const texts: Query[] = [];
  if (keys.labelKey === undefined && rows !== undefined) {
    for await (const { where, fields } of rows) {
      // What is wrong with a row that has a label, or neither, is for readExamples to say.
      if (fields.has(labelKey) || !fields.has(inputKey)) return labelled();
      const input = fields.get(inputKey);
      assertText(input, atKey(input, inputKey, where));
      texts.push({ input });
    }
  }
  return texts.length === 0 ? labelled() : texts;
}

function rowsOf(path: string): ReturnType<typeof jsonlRows> | undefined {
  const extension = extname(path).toLowerCase();
  if (extension === '.jsonl') return jsonlRows(path);
  if (extension === '.csv' || extension === '.tsv') return delimitedRows(path, extension === '.csv' ? ',' : '\t');
  return undefined;
}
