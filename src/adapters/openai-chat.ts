/** Messages of OpenAI-compatible chat completions. */
import { replaceText, textOfContent, type ChatFormat, type Turn } from './chat-format.js';

/** What is read of a message; all else is passed on as it is. */
export interface OpenAiMessage {
  readonly role: string;
  readonly content?: string | readonly object[] | null | undefined;
  /** Null as some clients send it back. */
  readonly tool_calls?: readonly { readonly id: string }[] | null | undefined;
}

const ROLES: Readonly<Record<string, Turn['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
};

/** Ids of tool calls, of a message or of a chunk of a stream; none of what is not of their shape. */
export function toolCallsOf(calls: unknown): string[] {
  if (!Array.isArray(calls)) return [];
  const ids = calls.map((call: unknown) => (call as { readonly id?: unknown } | null)?.id);
  return ids.filter((id) => typeof id === 'string');
}

export const openAiChat: ChatFormat<OpenAiMessage> = {
  read: ({ role, content, tool_calls: calls }) => ({
    role: (Object.hasOwn(ROLES, role) ? ROLES[role] : undefined) ?? 'other',
    text: textOfContent(content),
    toolCalls: toolCallsOf(calls),
  }),
  write: (role, content) => ({ role, content }),
  withText: (message, text) => ({
    ...message,
    content: Array.isArray(message.content) ? replaceText(message.content as object[], text) : text,
  }),
};
