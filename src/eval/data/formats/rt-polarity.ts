/** Pang & Lee's sentence polarity data (MR): rt-polarity.pos and rt-polarity.neg. */
import { join } from 'node:path';

import { labelledRow } from '../labelled-row.js';
import type { Row } from '../rows.js';
import { legacyLines } from '../utf8-file.js';
import { requiredSplit, type FormatReader, type Split } from './format.js';

const FILES = [
  ['positive', 'rt-polarity.pos'],
  ['negative', 'rt-polarity.neg'],
] as const;

/** Where each split ends, as a share of a file: the rule of the Hugging Face data set rotten_tomatoes, since the set has no split of its own. */
const ENDS: Readonly<Record<Split, readonly [from: number, to: number]>> = {
  train: [0, 0.8],
  validation: [0.8, 0.9],
  test: [0.9, 1],
};

/**
 * The positive sentences of a split, then the negative ones, blanks at the ends cut.
 *
 * @throws {FungiError} INVALID_ARGUMENT without a split; FILE_NOT_FOUND
 */
export const rtPolarity: FormatReader = async function* (folder, { split }) {
  const [from, to] = ENDS[requiredSplit(split, folder)];
  for (const [label, file] of FILES) {
    const path = join(folder, file);
    const rows: Row[] = [];
    for await (const { line, text } of legacyLines(path)) {
      if (text.trim() !== '') rows.push(labelledRow(`${path}:${line}`, text.trim(), label));
    }
    yield* rows.slice(Math.round(from * rows.length), Math.round(to * rows.length));
  }
};
