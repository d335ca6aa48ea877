/**
 * SimCLR's text views: the text with some of its words left out (FUNGI, Table 24: p = 0.1).
 *
 * `paper` removes each whitespace-separated word independently with probability p. Where chance removes them all, one word,
 * drawn uniformly, stays. A kept word brings the white space before it; a view that lost words has none at its ends, and one
 * that lost none is the text itself, so that it is encoded once. `reference` does what the paper's released code does:
 * see {@link deleteTokens}.
 */
import { FungiError } from '../core/errors.js';
import { asText } from '../core/content.js';
import { sha256 } from '../core/fingerprint.js';
import { Rng } from '../core/rng.js';
import { deleteTokens } from './nlpaug-deletion.js';
import type { ViewMaker } from './view.js';

export interface WordDeletion {
  /** Which of paper and released code to follow where they differ; default `paper`. */
  readonly mode?: 'paper' | 'reference';
  /** Probability that a word goes (paper), or share of the tokens that go (reference), in (0, 1); default 0.1. */
  readonly p?: number;
}

export interface WordDeletionViews extends WordDeletion {
  /** V, views of one text. */
  readonly count: number;
  /** The index's seed. */
  readonly seed: number | string;
  /** Keeps draws for different uses apart: a text in the negative batch must not meet its own positives there. Default `positive`. */
  readonly purpose?: 'positive' | 'negative';
}

/**
 * `text` without some of its words, as `rng` has it. At least one stays, of a text that has any.
 *
 * @throws {FungiError} INVALID_ARGUMENT when p is not in (0, 1)
 */
export function deleteWords(text: string, rng: Rng, { mode = 'paper', p = 0.1 }: WordDeletion = {}): string {
  assertShare(p);
  return mode === 'paper' ? deleteIndependently(text, rng, p) : deleteTokens(text, rng, p);
}

/**
 * The V views of a text. View v depends on the seed, the text's content and v alone: it is the same in any batch, order and
 * process, and the first views stay what they are when `count` grows.
 *
 * @throws {FungiError} INVALID_ARGUMENT when p is not in (0, 1) or `count` is not a positive integer
 */
export function views(text: string, { count, seed, purpose = 'positive', ...deletion }: WordDeletionViews): string[] {
  assertCount(count);
  const content = sha256(text);
  return Array.from({ length: count }, (_, v) =>
    deleteWords(text, Rng.stream(seed, 'word-deletion', purpose, content, v), deletion),
  );
}

/**
 * Word deletion as a {@link ViewMaker}.
 *
 * @throws {FungiError} INVALID_ARGUMENT when p is not in (0, 1) or `count` is not a positive integer
 */
export function wordDeletion(options: WordDeletionViews): ViewMaker {
  const { count, seed, purpose = 'positive', mode = 'paper', p = 0.1 } = options;
  assertCount(count);
  assertShare(p);
  const settings = { kind: 'word-deletion', count, seed, purpose, mode, p };
  return { count, settings, views: (text) => views(asText(text), settings) };
}

function deleteIndependently(text: string, rng: Rng, p: number): string {
  const words = text.trimEnd().match(/\s*\S+/g) ?? []; // each with the white space before it
  if (words.length < 2) return text;
  const kept = words.filter(() => rng.float() >= p);
  if (kept.length === words.length) return text;
  return (kept.length > 0 ? kept.join('') : words[rng.int(words.length)]!).trimStart();
}

function assertShare(p: number): void {
  if (!(p > 0 && p < 1))
    throw new FungiError('INVALID_ARGUMENT', `word deletion: p must lie between 0 and 1, got ${p}`);
}

function assertCount(count: number): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `word deletion: the number of views must be a positive integer, got ${count}`,
    );
  }
}
