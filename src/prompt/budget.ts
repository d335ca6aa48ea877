/** How large a prompt may be, and how many examples fit in it. */
import { bytesOf, mediaOf, textsOf, type ChatMessage } from './message.js';

/** Upper limits on the whole rendered prompt; any of them. Tokens and characters are those of its text. */
export interface Budget {
  readonly tokens?: number | undefined;
  /** UTF-16 code units, as `string.length` counts. */
  readonly characters?: number | undefined;
  /** Of all images and sounds as the request holds them, base64 included. @default {@link DEFAULT_MEDIA_BYTES} */
  readonly mediaBytes?: number | undefined;
}

/** 10 MB: a request must be sent and kept whole, for every query. */
export const DEFAULT_MEDIA_BYTES = 10_000_000;

export type TokenCounter = (text: string) => number;

/** Of the text; what images and sounds are in tokens each model counts in its own way, and is left out. */
export interface PromptSize {
  readonly characters: number;
  readonly tokens: number;
  /** Absent where there are none. */
  readonly media?: MediaSize;
}

export interface MediaSize {
  readonly parts: number;
  /** As the request holds them, base64 included. */
  readonly bytes: number;
}

/** What a chat format spends on a message's role and borders. */
const TOKENS_PER_MESSAGE = 4;

/**
 * A tokenizer-free estimate: four ASCII characters a token, one token for any other code point. Byte-pair vocabularies stay near it
 * on English and below it on most other scripts.
 */
export function approximateTokens(text: string): number {
  let ascii = 0;
  let other = 0;
  for (const character of text) {
    if (character < '\u0080') ascii++;
    else other++;
  }
  return Math.ceil(ascii / 4) + other;
}

export function measurePrompt(messages: readonly ChatMessage[], countTokens: TokenCounter): PromptSize {
  let characters = 0;
  let tokens = 0;
  const media = { parts: 0, bytes: 0 };
  for (const message of messages) {
    tokens += TOKENS_PER_MESSAGE;
    for (const text of textsOf(message)) {
      characters += text.length;
      tokens += countTokens(text);
    }
    for (const part of mediaOf(message)) {
      media.parts += 1;
      media.bytes += bytesOf(part);
    }
  }
  return { characters, tokens, ...(media.parts > 0 && { media }) };
}

/** What messages call the unit of a budget of media. */
export const MEDIA_UNIT = 'bytes of media';

export const isWithin = (size: PromptSize, budget: Budget): boolean => exceeded(size, budget) === undefined;

/** The first limit that a prompt goes beyond, what it has and may have; undefined where it is within all. */
export function exceeded(
  { tokens, characters, media }: PromptSize,
  budget: Budget,
): { readonly unit: string; readonly has: number; readonly limit: number } | undefined {
  const limits = [
    { unit: 'tokens', has: tokens, limit: budget.tokens ?? Infinity },
    { unit: 'characters', has: characters, limit: budget.characters ?? Infinity },
    { unit: MEDIA_UNIT, has: media?.bytes ?? 0, limit: budget.mediaBytes ?? DEFAULT_MEDIA_BYTES },
  ];
  return limits.find(({ has, limit }) => has > limit);
}

/** The largest n ≤ `most` with `fits(n)`, or −1 when not even `fits(0)`; `fits` must not recover once it fails. */
export function largestFitting(most: number, fits: (n: number) => boolean): number {
  if (fits(most)) return most;
  let low = -1;
  let high = most - 1;
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What a prompt without room for all examples gives up: those of the lowest priority, or whatever does not fit beside what has a higher one. */
export const PACKINGS = ['drop-farthest', 'skip-long'] as const;
export type Packing = (typeof PACKINGS)[number];

export interface Packed {
  readonly taken: readonly number[];
  /** There was no room for it. */
  readonly tooLong: ReadonlySet<number>;
}

/**
 * Takes as many as fit. The first is left out only if it does not fit alone.
 *
 * @param priority what is to be packed, most wanted first
 * @param most how many there may be
 * @param fits must not recover once it fails, when more are added
 * @returns undefined where not even nothing fits
 */
export function pack(
  priority: readonly number[],
  most: number,
  packing: Packing,
  fits: (taken: readonly number[]) => boolean,
): Packed | undefined {
  const limit = Math.min(most, priority.length);
  const first = largestFitting(limit, (n) => fits(priority.slice(0, n)));
  if (first < 0) return undefined;
  const taken = priority.slice(0, first);
  if (packing === 'drop-farthest' || first === limit) return { taken, tooLong: new Set(priority.slice(first, limit)) };
  const tooLong = new Set(priority.slice(first, first + 1)); // it was tried
  for (const next of priority.slice(first + 1)) {
    if (taken.length === limit) break;
    if (fits([...taken, next])) taken.push(next);
    else tooLong.add(next);
  }
  return { taken, tooLong };
}
