/** Messages of LangChain. */
import { AIMessage, HumanMessage, SystemMessage, type BaseMessage } from '@langchain/core/messages';
import { replaceText, textOfContent, type ChatFormat, type Turn } from '../chat-format.js';

const ROLES: Readonly<Record<string, Turn['role']>> = {
  system: 'system',
  human: 'user',
  ai: 'assistant',
  tool: 'tool',
};

export const messageFormat: ChatFormat<BaseMessage> = {
  read: (message) => ({
    role: ROLES[message.type] ?? 'other',
    text: textOfContent(message.content),
    toolCalls: AIMessage.isInstance(message) ? (message.tool_calls ?? []).flatMap(({ id }) => id ?? []) : [],
  }),
  write: (role, text) => {
    if (role === 'system') return new SystemMessage(text);
    return role === 'user' ? new HumanMessage(text) : new AIMessage(text);
  },
  withText: ({ content, id, name, additional_kwargs, response_metadata }, text) =>
    new HumanMessage({
      content: typeof content === 'string' ? text : replaceText(content, text),
      additional_kwargs,
      response_metadata,
      ...(id !== undefined && { id }),
      ...(name !== undefined && { name }),
    }),
};
