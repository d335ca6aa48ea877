/** The Stanford Sentiment Treebank's own folder, with scores of phrases: https://nlp.stanford.edu/sentiment/ */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { FungiError } from '../../../core/errors.js';
import { unlessMissing } from '../../../core/storage-failure.js';
import { labelledRow } from '../labelled-row.js';
import type { Row } from '../rows.js';
import { utf8Lines } from '../utf8-file.js';
import { requiredSplit, wrongLine, type FormatOptions, type Split } from './format.js';
import type { SstBinning } from './sst-scores.js';
import { withBrackets } from './sst-trees.js';

/** Numbers in datasetSplit.txt. */
const SPLIT_NUMBERS: Readonly<Record<Split, string>> = { train: '1', test: '2', validation: '3' };

/**
 * Sentences of datasetSentences.txt in one split of datasetSplit.txt. Their scores are those of the same words in dictionary.txt and
 * sentiment_labels.txt; texts are given as the dictionary writes them. Where the folder has SOStr.txt (the sentences word by word, as the
 * dictionary has them) words are taken from there; else brackets and the double encoding of datasetSentences.txt are undone.
 *
 * @throws {FungiError} INVALID_ARGUMENT without a split; FILE_NOT_FOUND; INVALID_DATA on a line of another form or a sentence without score
 */
export async function* sstFolderRows(folder: string, { split }: FormatOptions, binOf: SstBinning): AsyncGenerator<Row> {
  const wanted = SPLIT_NUMBERS[requiredSplit(split, folder)];
  const splits = await table(join(folder, 'datasetSplit.txt'), ',', 'first');
  const scores = await table(join(folder, 'sentiment_labels.txt'), '|', 'first');
  const phrases = await table(join(folder, 'dictionary.txt'), '|', 'last');
  const words = await spelledOut(join(folder, 'SOStr.txt'));
  const path = join(folder, 'datasetSentences.txt');
  for await (const { line, text } of utf8Lines(path)) {
    if (line === 1 || text === '') continue;
    const where = `${path}:${line}`;
    const [, index, sentence] = /^(\d+)\t(.*)$/.exec(text) ?? [];
    if (index === undefined || sentence === undefined) throw wrongLine(where, text, 'a number, a tab and a sentence');
    if (splits.get(index) !== wanted) continue;
    const phrase = [words?.[Number(index) - 1], sentence, ...repaired(sentence)].find(
      (one) => one !== undefined && phrases.has(one),
    );
    const score = Number(scores.get(phrases.get(phrase ?? '') ?? '') ?? NaN);
    if (phrase === undefined || !(score >= 0 && score <= 1)) throw noScore(where, sentence);
    yield labelledRow(where, phrase, binOf(score));
  }
}

const noScore = (where: string, sentence: string): FungiError =>
  new FungiError(
    'INVALID_DATA',
    `${where}: no score from 0 to 1 for ${JSON.stringify(sentence)} in dictionary.txt and sentiment_labels.txt`,
    {
      hint: 'Put SOStr.txt of the same release beside them: it has the sentences as the dictionary writes them.',
    },
  );

/** Two columns of a file, by the one that is the key; a first line of names does no harm. The phrase itself may hold the separator. */
async function table(path: string, separator: ',' | '|', cut: 'first' | 'last'): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { line, text } of utf8Lines(path)) {
    if (text === '') continue;
    const at = cut === 'first' ? text.indexOf(separator) : text.lastIndexOf(separator);
    if (at === -1) throw wrongLine(`${path}:${line}`, text, `two values with "${separator}" between`);
    found.set(text.slice(0, at), text.slice(at + 1));
  }
  return found;
}

async function spelledOut(path: string): Promise<string[] | undefined> {
  if ((await unlessMissing(stat(path))) === undefined) return undefined;
  const sentences: string[] = [];
  for await (const { text } of utf8Lines(path)) sentences.push(text.replaceAll('|', ' '));
  return sentences;
}

/** datasetSentences.txt writes brackets as -LRB-, -RRB-, and is UTF-8 that was taken for Latin-1 and encoded again: "Ã©" for "é". */
function repaired(sentence: string): string[] {
  const brackets = withBrackets(sentence);
  return [brackets, Buffer.from(brackets, 'latin1').toString('utf8')];
}
