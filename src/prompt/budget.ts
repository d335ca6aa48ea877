/** How large a prompt may be, and how many examples fit in it. */
import type { ChatMessage } from './message.js';

/** Upper limits on the whole rendered prompt; either, both or none. */
export interface Budget {
  readonly tokens?: number | undefined;
  /** UTF-16 code units, as `string.length` counts. */
  readonly characters?: number | undefined;
}

export type TokenCounter = (text: string) => number;

export interface PromptSize {
  readonly characters: number;
  readonly tokens: number;
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
  for (const { content } of messages) {
    characters += content.length;
    tokens += countTokens(content) + TOKENS_PER_MESSAGE;
  }
  return { characters, tokens };
}

export const isWithin = (size: PromptSize, budget: Budget): boolean =>
  size.tokens <= (budget.tokens ?? Infinity) && size.characters <= (budget.characters ?? Infinity);

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
