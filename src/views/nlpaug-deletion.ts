/**
 * Word deletion as the paper's released text code has it: nlpaug 1.1.11, `RandomWordAug(action='delete', aug_p=p)`.
 *
 * The text is cut into runs of letters, digits and underscores, and every other visible character alone; so "don't" is three
 * tokens and a combining accent is one. Of all n tokens, ASCII punctuation counted, ceil(p·n) go, at least 1 and at most 10,
 * drawn without replacement among those that are not ASCII punctuation (all of them when they are fewer). There are no stop
 * words, and no rule for one-letter words. When the first token goes
 * - its capital moves on: it was capitalised and the second token is all lower case, so that one is capitalised;
 * - the second token stays even if it was drawn (the capital is written over its removal), so something always remains, if
 *   only punctuation: "Hello!" gives "!".
 * What remains is joined by spaces, and these are taken out again before . , : ; ? ! % and on the inner side of brackets, in
 * four passes that may leave a space in a run of them: "a ! ! b" gives "a! ! b". A text of fewer than two tokens, or without
 * one that may go, comes back as it is but for white space at its ends.
 */
import type { Rng } from '../core/rng.js';

const LEAST = 1;
const MOST = 10;

/** What Python counts as white space; JavaScript's \s lacks U+001C to U+001F and U+0085, and has U+FEFF. */
const WHITE_SPACE = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
);
const NOT_WORD = /([^\p{L}\p{N}_])/u;
const ASCII_PUNCTUATION = /^[!-/:-@[-`{-~]$/;

/** `text` without ceil(p·n) of its n tokens. */
export function deleteTokens(text: string, rng: Rng, p: number): string {
  const tokens = tokenize(text);
  const candidates = removable(tokens);
  const picks = rng.sample(candidates.length, removalCount(tokens.length, p));
  return removeTokens(
    text,
    picks.map((pick) => candidates[pick]!),
  );
}

/** Runs of word characters, and every other visible character alone. */
export function tokenize(text: string): string[] {
  return text.split(NOT_WORD).filter((token) => token !== '' && !WHITE_SPACE.has(token));
}

/** Positions of the tokens that may go: all but ASCII punctuation, of which a lone underscore is one. */
export function removable(tokens: readonly string[]): number[] {
  return [...tokens.keys()].filter((i) => !ASCII_PUNCTUATION.test(tokens[i]!));
}

/** How many of `n` tokens go, if so many may. */
export function removalCount(n: number, p: number): number {
  return Math.min(MOST, Math.max(LEAST, Math.ceil(p * n)));
}

/** `text` without the tokens at `positions`. */
export function removeTokens(text: string, positions: readonly number[]): string {
  const tokens = tokenize(text);
  if (tokens.length < 2 || positions.length === 0) return strip(text);
  const gone = new Set(positions);
  if (gone.has(0)) {
    gone.delete(1);
    if (isCapitalized(tokens[0]!) && isLowerCase(tokens[1]!)) tokens[1] = capitalize(tokens[1]!);
  }
  return strip(join(tokens.filter((_, i) => !gone.has(i))));
}

function join(tokens: readonly string[]): string {
  return tokens
    .join(' ')
    .replace(/ ([.,:;?!%]+)([ '"`])/g, '$1$2')
    .replace(/ ([.,:;?!%]+)$/, '$1')
    .replace(/ ([[({<]) /g, ' $1')
    .replace(/ ([\])}>]) /g, '$1 ');
}

function strip(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && WHITE_SPACE.has(text[start]!)) start++;
  while (end > start && WHITE_SPACE.has(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** A capital alone, or a capital before at least one small letter and no other capital ("A1" is upper case, not capitalised). */
function isCapitalized(word: string): boolean {
  return (
    /^\p{Uppercase}$/u.test(word) ||
    (/^\p{Uppercase}\P{Uppercase}+$/u.test(word) && /[\p{Lowercase}\p{Lt}]/u.test(word))
  );
}

function isLowerCase(word: string): boolean {
  return /\p{Lowercase}/u.test(word) && !/[\p{Uppercase}\p{Lt}]/u.test(word);
}

/**
 * The first letter in title case. JavaScript has upper case only, which differs for "ß" (Ss) and its like, mended here, for
 * Georgian (no title case, left alone), and for some 50 digraphs and Greek letters with iota (not mended).
 */
function capitalize(word: string): string {
  const first = String.fromCodePoint(word.codePointAt(0)!);
  if (/\p{Script=Georgian}/u.test(first)) return word;
  const [initial = '', ...more] = first.toUpperCase();
  return initial + more.join('').toLowerCase() + word.slice(first.length);
}
