/** Messages of a language model's prompt, as `@ai-sdk/provider` 3 and 4 have them. */
import { replaceText, textOfContent, type ChatFormat } from '../chat-format.js';

export type PromptMessage =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user' | 'assistant' | 'tool'; readonly content: readonly object[] };

const isToolCall = (part: object): part is { readonly toolCallId: string } =>
  'type' in part && part.type === 'tool-call' && 'toolCallId' in part && typeof part.toolCallId === 'string';

/** Ids of the tool calls among parts of a message, of a reply, or of a stream. */
export const toolCallsOf = (parts: readonly object[]): string[] =>
  parts.filter(isToolCall).map(({ toolCallId }) => toolCallId);

export const promptFormat: ChatFormat<PromptMessage> = {
  read: ({ role, content }) => ({
    role,
    text: textOfContent(content),
    toolCalls: typeof content === 'string' ? [] : toolCallsOf(content),
  }),
  write: (role, text) => (role === 'system' ? { role, content: text } : { role, content: [{ type: 'text', text }] }),
  withText: (message, text) =>
    message.role === 'system'
      ? { ...message, content: text }
      : { ...message, content: replaceText(message.content, text) },
};
