/** TREC questions: `train_5500.label` and `TREC_10.label`, https://cogcomp.seas.upenn.edu/Data/QA/QC/ */
import { labelledRow } from '../labelled-row.js';
import { legacyLines } from '../utf8-file.js';
import { wrongLine, type FormatReader } from './format.js';

const LINE = /^([A-Z]+):([A-Za-z]+) +(.*)$/;

/**
 * Lines `COARSE:fine question`. The paper's label is the coarse one (6 classes); the fine one (50) is `COARSE:fine`, since names such
 * as "other" occur under several.
 *
 * @throws {FungiError} INVALID_DATA on another line
 */
const trecRows = (labelOf: (coarse: string, fine: string) => string): FormatReader =>
  async function* (path) {
    for await (const { line, text, isUtf8 } of legacyLines(path)) {
      if (text.trim() === '') continue;
      // The one byte that is not ASCII stands for a blank ("sister\xf0city"): the Hugging Face loader, which the paper used, reads it so.
      const [, coarse, fine, question] = LINE.exec(isUtf8 ? text : text.replaceAll('ð', ' ')) ?? [];
      if (question === undefined) throw wrongLine(`${path}:${line}`, text, '"COARSE:fine question"');
      yield labelledRow(`${path}:${line}`, question, labelOf(coarse!, fine!));
    }
  };

export const trecCoarse = trecRows((coarse) => coarse);
export const trecFine = trecRows((coarse, fine) => `${coarse}:${fine}`);
