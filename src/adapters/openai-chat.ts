/** Messages of OpenAI-compatible chat completions. */
import { replaceText, textOfContent, type ChatFormat, type Turn } from './chat-format.js';

/** What is read of a message; all else is passed on as it is. */
export interface OpenAiMessage {
  readonly role: string;
  readonly content?: string | readonly object[] | null | undefined;
  readonly tool_calls?: readonly { readonly id: string }[] | undefined;
}

const ROLES: Readonly<Record<string, Turn['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
};

export const openAiChat: ChatFormat<OpenAiMessage> = {
  read: ({ role, content, tool_calls: calls = [] }) => ({
    role: (Object.hasOwn(ROLES, role) ? ROLES[role] : undefined) ?? 'other',
    text: textOfContent(content),
    toolCalls: calls.map(({ id }) => id),
  }),
  write: (role, content) => ({ role, content }),
  withText: (message, text) => ({
    ...message,
    content: Array.isArray(message.content) ? replaceText(message.content as object[], text) : text,
  }),
};
