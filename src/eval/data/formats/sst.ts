import { stat } from 'node:fs/promises';

import { FungiError } from '../../../core/errors.js';
import { unreadable } from '../utf8-file.js';
import type { FormatReader } from './format.js';
import { sstFolderRows } from './sst-folder.js';
import { leftClosed, rightClosed } from './sst-scores.js';
import { sstSentenceRows } from './sst-trees.js';

const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
};

/** The five classes of the treebank: a file of trees or of classes and sentences, or the folder with scores and a split. */
export const sst5: FormatReader = async function* (path, options) {
  yield* (await isFolder(path)) ? sstFolderRows(path, options, rightClosed) : sstSentenceRows(path);
};

/**
 * The classes of the paper's released code, six of them.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a file: it has classes, and these need scores
 */
export const sst5Reference: FormatReader = async function* (path, options) {
  if (!(await isFolder(path))) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${path}: the classes of the released code need scores, and a file has classes only`,
      {
        hint: 'Name the folder with datasetSentences.txt, datasetSplit.txt, dictionary.txt and sentiment_labels.txt.',
      },
    );
  }
  yield* sstFolderRows(path, options, leftClosed);
};
