/** The Stanford Sentiment Treebank in one file a split: https://nlp.stanford.edu/sentiment/ */
import { labelledRow } from '../labelled-row.js';
import type { Row } from '../rows.js';
import { utf8Lines } from '../utf8-file.js';
import { wrongLine } from './format.js';
import { SST_CLASSES } from './sst-scores.js';

/**
 * Sentences of a file whose lines are labelled trees in Penn Treebank form, `(3 (2 It) (4 …))`, or a class and a sentence, `3 it …` (as the
 * stsa.fine files of text CNNs have them). The class is that of the whole sentence, 0 to 4.
 *
 * @throws {FungiError} INVALID_DATA on another line
 */
export async function* sstSentenceRows(path: string): AsyncGenerator<Row> {
  for await (const { line, text } of utf8Lines(path)) {
    if (text.trim() === '') continue;
    const where = `${path}:${line}`;
    const [digit, sentence] = text.startsWith('(') ? treeSentence(text, where) : plainSentence(text, where);
    yield labelledRow(where, sentence, SST_CLASSES[Number(digit)]!);
  }
}

function plainSentence(text: string, where: string): [digit: string, sentence: string] {
  const [, digit, sentence] = /^([0-4]) (.*)$/.exec(text) ?? [];
  if (sentence === undefined)
    throw wrongLine(where, text, 'a tree "(3 (2 It) …)", or a class from 0 to 4 and a sentence');
  return [digit!, sentence];
}

/** The words of a tree, as the treebank's other files write them: `(` and `)` are -LRB- and -RRB- in a tree. */
function treeSentence(tree: string, where: string): [digit: string, sentence: string] {
  const words: string[] = [];
  let depth = 0;
  // A node's opening with its class, its closing, or a word (which may hold a no-break space): what is left over is none of these, or
  // stands outside of the tree.
  const rest = tree.trim().replace(/\(([0-4]) |\)|[^() ]+| /g, (token, _, at: number) => {
    if (depth === 0 && at > 0) return token;
    if (token.startsWith('(')) depth++;
    else if (token === ')') depth--;
    else if (token !== ' ') words.push(token);
    return '';
  });
  if (rest !== '' || depth !== 0 || words.length === 0) {
    throw wrongLine(where, tree, 'a whole tree, each node "(class …)" with a class from 0 to 4');
  }
  return [tree[1]!, withBrackets(words.join(' '))];
}

/** Penn Treebank's names of round brackets, undone. */
export const withBrackets = (text: string): string => text.replaceAll('-LRB-', '(').replaceAll('-RRB-', ')');
