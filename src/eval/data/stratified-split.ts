import { FungiError } from '../../core/errors.js';
import type { ExampleInput } from '../../core/item.js';
import { Rng } from '../../core/rng.js';
import { normaliseText } from '../../core/text.js';
import { proportionalCounts } from './few-shot.js';
import { groupRows } from '../../core/group-rows.js';

/** How much is held out: a share of the texts, 0 to 1 without the ends, or so many of them. */
export type HeldOut = { readonly fraction: number } | { readonly count: number };

export interface Split {
  /** Row numbers from 0, ascending; together all rows, none on both sides. */
  readonly train: readonly number[];
  readonly test: readonly number[];
  /** Rows that repeat the text of an earlier row (but for case and spaces), and went to its side. */
  readonly moved: number;
}

/**
 * A held-out part with the classes' shares of the whole. Texts are drawn, not rows: rows whose texts differ by case and spaces only
 * stay together, so that no test text is in the training part. A text counts for the class of its first row. Shares are by largest
 * remainder, ties at random ({@link proportionalCounts}); every class keeps a text in the training part, so one with a single text
 * is not held out.
 *
 * @throws {FungiError} INVALID_ARGUMENT when the share is not between 0 and 1, the count is no positive integer, or so many cannot be held
 *   out (none, or more than leaves each class a text)
 */
export function stratifiedSplit(rows: readonly ExampleInput[], heldOut: HeldOut & { readonly seed: number }): Split {
  const texts = [...groupRows(rows.map(({ input }) => normaliseText(input))).values()];
  const labelOf = (text: readonly number[]): string => rows[text[0]!]!.label;
  const classes = [...groupRows(texts.map(labelOf))].sort(([a], [b]) => (a < b ? -1 : 1));
  const counts = testCounts(
    classes.map(([, members]) => members.length),
    heldOut,
  );
  const inTest = new Set<number>();
  for (const [c, [label, members]] of classes.entries()) {
    const drawn = Rng.stream(heldOut.seed, 'split', label).sample(members.length, counts[c]!);
    for (const i of drawn) for (const row of texts[members[i]!]!) inTest.add(row);
  }
  returnLostClasses(rows, texts, inTest);
  const all = rows.map((_, row) => row);
  return {
    train: all.filter((row) => !inTest.has(row)),
    test: all.filter((row) => inTest.has(row)),
    moved: rows.length - texts.length,
  };
}

/** Texts to hold out of each class [C], of `sizes` [C] texts. */
function testCounts(sizes: readonly number[], { seed, ...heldOut }: HeldOut & { readonly seed: number }): number[] {
  const total = sum(sizes);
  const wanted = textsToHoldOut(heldOut, total);
  const most = sizes.map((size) => size - 1);
  const room = sum(most);
  if (wanted < 1 || wanted > room) {
    const asked = 'fraction' in heldOut ? `a share of ${heldOut.fraction}` : `${heldOut.count}`;
    throw new FungiError(
      'INVALID_ARGUMENT',
      `cannot hold out ${asked} of ${total} different texts: from 1 to ${room} can be, so that each of ${sizes.length} classes keeps one`,
      { hint: 'Choose another share, or give test examples of their own.', details: { total, wanted, room } },
    );
  }
  const rng = Rng.stream(seed, 'split', 'ties');
  const counts = proportionalCounts(sizes, wanted, rng).map((count, c) => Math.min(count, most[c]!));
  // What small classes cannot give is shared out over what the others have left.
  const left = counts.map((count, c) => most[c]! - count);
  const more = proportionalCounts(left, wanted - sum(counts), rng);
  return counts.map((count, c) => count + more[c]!);
}

function textsToHoldOut(heldOut: HeldOut, total: number): number {
  if ('fraction' in heldOut) {
    const { fraction } = heldOut;
    if (fraction > 0 && fraction < 1) return Math.max(1, Math.round(fraction * total));
    throw new FungiError('INVALID_ARGUMENT', `the share to hold out must lie between 0 and 1, got ${fraction}`);
  }
  if (Number.isSafeInteger(heldOut.count) && heldOut.count >= 1) return heldOut.count;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `the number of texts to hold out must be a positive integer, got ${heldOut.count}`,
  );
}

/** A class all of whose rows share their texts with rows of others may have gone with them: its first text comes back. */
function returnLostClasses(
  rows: readonly ExampleInput[],
  texts: readonly (readonly number[])[],
  inTest: Set<number>,
): void {
  for (const [, members] of groupRows(rows.map(({ label }) => label))) {
    if (members.some((row) => !inTest.has(row))) continue;
    const text = texts.find((group) => group.includes(members[0]!))!;
    for (const row of text) inTest.delete(row);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
