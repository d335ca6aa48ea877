/** How many tokens a prompt has when nobody has counted them: about, and at most. */
import { approximateTokens, type PromptSize } from '../../prompt/budget.js';
import { textsOf, type ChatMessage } from '../../prompt/message.js';
import type { Completion, TokenUsage } from '../../llm/client.js';

/**
 * What prompts really had, in parts of the estimate: English prompts of both built-in templates over eight data sets, counted with the
 * vocabularies of GPT-4 and GPT-4o, had 0.79 to 1.42 times as many. Prompts with many labels of several parts (`lost_or_stolen_card`) and
 * few examples have more, long texts fewer.
 */
export const ESTIMATE_RANGE = { low: 0.75, high: 1.5 } as const;

/** What a chat format, or a system text that it puts in by itself, may add to a message. */
const MOST_PER_MESSAGE = 64;

/** More than any vocabulary makes of their text: none has more tokens than UTF-8 bytes. Images and sounds are not counted. */
export const mostPromptTokens = (messages: readonly ChatMessage[]): number =>
  messages.reduce((sum, message) => sum + Buffer.byteLength(textsOf(message).join('')) + MOST_PER_MESSAGE, 0);

/** What a reply cost in tokens: as the endpoint told, else estimated. */
export function usageOf({ usage, text }: Completion, prompt: PromptSize): TokenUsage & { readonly estimated: boolean } {
  if (usage !== undefined) return { ...usage, estimated: false };
  return { promptTokens: prompt.tokens, completionTokens: approximateTokens(text), estimated: true };
}
