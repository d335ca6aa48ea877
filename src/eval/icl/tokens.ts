/** How many tokens a prompt has when nobody has counted them: about, and at most. */
import { approximateTokens, type PromptSize } from '../../prompt/budget.js';
import { mediaOf, textsOf, type ChatMessage } from '../../prompt/message.js';
import type { Completion, TokenUsage } from '../../llm/client.js';

/**
 * What prompts really had, in parts of the estimate: English prompts of both built-in templates over eight data sets, counted with the
 * vocabularies of GPT-4 and GPT-4o, had 0.79 to 1.42 times as many. Prompts with many labels of several parts (`lost_or_stolen_card`) and
 * few examples have more, long texts fewer.
 */
export const ESTIMATE_RANGE = { low: 0.75, high: 1.5 } as const;

/** What a chat format, or a system text that it puts in by itself, may add to a message. */
const MOST_PER_MESSAGE = 64;

/**
 * More than any vocabulary makes of their text: none has more tokens than UTF-8 bytes.
 *
 * @param mediaTokens of one image or sound
 */
export const mostPromptTokens = (messages: readonly ChatMessage[], mediaTokens = 0): number =>
  messages.reduce((sum, message) => {
    const text = Buffer.byteLength(textsOf(message).join(''));
    return sum + text + mediaOf(message).length * mediaTokens + MOST_PER_MESSAGE;
  }, 0);

export interface CountedPrompt {
  readonly size: PromptSize;
  /** What its images or sounds count as, 0 where nobody said; `size` has its texts alone. */
  readonly mediaTokens: number;
}

/** What a reply cost in tokens: as the endpoint told, else estimated. */
export function usageOf(
  { usage, text }: Completion,
  { size, mediaTokens }: CountedPrompt,
): TokenUsage & { readonly estimated: boolean } {
  if (usage !== undefined) return { ...usage, estimated: false };
  return { promptTokens: size.tokens + mediaTokens, completionTokens: approximateTokens(text), estimated: true };
}
