/** AG News as X. Zhang's train.csv and test.csv have it. */
import { labelledRow } from '../labelled-row.js';
import { records } from '../rows.js';
import { wrongLine, type FormatReader } from './format.js';

const CLASSES = ['World', 'Sports', 'Business', 'Sci/Tech'] as const;

/**
 * Lines `"class","title","description"` without a header, class 1 to 4. The text is title, blank, description, as in the Hugging Face
 * data set that the paper's code loads.
 *
 * @throws {FungiError} INVALID_DATA on another line
 */
export const agNews: FormatReader = async function* (path) {
  for await (const { record, where } of records(path, ',')) {
    const [number, title, description] = record;
    const label = /^[1-4]$/.test(number ?? '') ? CLASSES[Number(number) - 1] : undefined;
    if (record.length !== 3 || label === undefined) {
      throw wrongLine(where, record.join(','), '"class","title","description" with a class from 1 to 4');
    }
    yield labelledRow(where, `${title!} ${description!}`, label);
  }
};
