import type { ExampleInput, Item, Modality } from './item.js';
import { normaliseText } from './text.js';
import { groupRows } from './group-rows.js';

/** Rows of one set that share a text. */
export interface DuplicateGroup {
  /** The text as the first of the rows has it. */
  readonly text: string;
  /** Row numbers from 0, ascending, two at least. */
  readonly rows: readonly number[];
}

/** A test row whose text is also in the training set. */
export interface Overlap {
  readonly test: number;
  /** Training rows with that text, ascending. */
  readonly train: readonly number[];
}

/** Training rows with one text and several labels: at most one can be right. */
export interface LabelConflict extends DuplicateGroup {
  /** The labels given to it, sorted. */
  readonly labels: readonly string[];
}

/** How texts are compared: to the letter, or with {@link normaliseText} first. */
export type TextMatch = 'exact' | 'normalised';

/** Texts that occur more than once, in order of their first row. */
export function findDuplicates(texts: readonly string[], match: TextMatch): DuplicateGroup[] {
  return [...groupRows(textKeys(texts, match)).values()]
    .filter((rows) => rows.length > 1)
    .map((rows) => ({ text: texts[rows[0]!]!, rows }));
}

/** Test rows that a nearest-neighbour search finds verbatim in the training set, in test order. */
export function findOverlap(train: readonly string[], test: readonly string[], match: TextMatch): Overlap[] {
  const trainRows = groupRows(textKeys(train, match));
  return textKeys(test, match).flatMap((key, row) => {
    const rows = trainRows.get(key);
    return rows === undefined ? [] : [{ test: row, train: rows }];
  });
}

/** Duplicates among the examples whose labels disagree. */
export function findLabelConflicts(examples: readonly ExampleInput[], match: TextMatch): LabelConflict[] {
  const texts = examples.map(({ input }) => input);
  return findDuplicates(texts, match)
    .map((group) => ({ ...group, labels: [...new Set(group.rows.map((row) => examples[row]!.label))].sort() }))
    .filter(({ labels }) => labels.length > 1);
}

/** What an item is the same by: of texts what is left without case and spaces, of images and sounds the path or the data. */
export const itemKey = (item: Item, modality: Modality): string => (modality === 'text' ? normaliseText(item) : item);

/** What texts are compared by [n]. */
function textKeys(texts: readonly string[], match: TextMatch): readonly string[] {
  return match === 'exact' ? texts : texts.map(normaliseText);
}

/**
 * A number for each item that those which are the same share, by {@link itemKey}.
 *
 * @param keys of texts the texts; of images and sounds a digest of what they hold, so that copies under other names are found
 */
export function copyNumbers(keys: readonly string[], modality: Modality): number[] {
  const numbers = new Map<string, number>();
  return keys.map((given) => {
    const key = itemKey(given, modality);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}
