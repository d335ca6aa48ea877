/** Intents of ATIS and SNIPS in the layout of Goo et al. 2018 (Slot-Gated Modeling): a folder a split, with seq.in and label. */
import { join } from 'node:path';

import { labelledRow } from '../labelled-row.js';
import type { FormatReader } from './format.js';
import { parallelLines } from './parallel-lines.js';

/** Utterances of `seq.in` with the intents of `label`, blanks at the ends cut. @throws {FungiError} as {@link parallelLines} */
export const seqIn: FormatReader = async function* (folder) {
  for await (const { where, text, label } of parallelLines(join(folder, 'seq.in'), join(folder, 'label'))) {
    yield labelledRow(where, text.trim(), label.trim());
  }
};
