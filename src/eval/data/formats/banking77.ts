/** Banking-77: train.csv and test.csv of https://github.com/PolyAI-LDN/task-specific-datasets */
import { labelledRow } from '../labelled-row.js';
import { delimitedRows } from '../rows.js';
import { wrongLine, type FormatReader } from './format.js';

/** Columns `text` and `category`. @throws {FungiError} INVALID_DATA when they are not there */
export const banking77: FormatReader = async function* (path) {
  for await (const { where, fields } of delimitedRows(path, ',')) {
    const [text, category] = ['text', 'category'].map((column) => fields.get(column));
    if (typeof text !== 'string' || typeof category !== 'string') {
      throw wrongLine(where, [...fields.keys()].join(','), 'the columns text,category');
    }
    yield labelledRow(where, text, category);
  }
};
