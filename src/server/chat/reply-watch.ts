/** What a reply of an upstream turns out to be, seen while it passes. */
import { toolCallsOf } from '../../adapters/openai-chat.js';
import { EventReader } from './event-reader.js';

/** How much of a reply, or of one event of it, is looked at, bytes. */
const MAX_BYTES = 1024 * 1024;

/** `truncated`: the stream ended without `[DONE]`. `error`: the upstream says so inside of a reply with status 200. `unseen`: not read here. */
export type Ending = 'complete' | 'truncated' | 'error' | 'unseen';

export interface ReplyWatch {
  /** A part, before it goes on. */
  saw(part: Uint8Array): void;
  /** Once, after the last. */
  ended(): Ending;
  /** Whether an event put behind what was sent so far would be read as one of its own; undefined where the reply is no stream of events. */
  readonly betweenEvents: boolean | undefined;
}

/** @param onToolCalls gets the ids of the tools that the reply calls */
export function watchReply(
  contentType: string,
  contentEncoding: string | undefined,
  onToolCalls: (ids: string[]) => void,
): ReplyWatch {
  if (contentEncoding !== undefined && contentEncoding !== 'identity') return UNSEEN;
  if (isEventStream(contentType)) return watchEvents(onToolCalls);
  return /\bjson\b/i.test(contentType) ? watchJson(onToolCalls) : UNSEEN;
}

export const isEventStream = (contentType: string): boolean => /^\s*text\/event-stream\b/i.test(contentType);

const UNSEEN: ReplyWatch = { saw: () => undefined, ended: () => 'unseen', betweenEvents: undefined };

function watchEvents(onToolCalls: (ids: string[]) => void): ReplyWatch {
  let [done, failed] = [false, false];
  const reader = new EventReader((data) => {
    if (data.trim() === '[DONE]') done = true;
    // Most chunks hold neither, and need not be parsed.
    if (!data.includes('"error"') && !data.includes('"tool_calls"')) return;
    const chunk = parsed(data);
    failed ||= hasError(chunk);
    const calls = choicesOf(chunk).flatMap((choice) => toolCallsOf(member(member(choice, 'delta'), 'tool_calls')));
    if (calls.length > 0) onToolCalls(calls);
  }, MAX_BYTES);
  return {
    saw: (part) => {
      reader.read(part);
    },
    ended: () => {
      reader.end();
      return failed ? 'error' : done ? 'complete' : 'truncated';
    },
    get betweenEvents() {
      return reader.isBetweenEvents;
    },
  };
}

function watchJson(onToolCalls: (ids: string[]) => void): ReplyWatch {
  let parts: Uint8Array[] | undefined = [];
  let bytes = 0;
  return {
    saw: (part) => {
      bytes += part.length;
      if (bytes > MAX_BYTES) parts = undefined;
      parts?.push(Buffer.from(part));
    },
    ended: () => {
      if (parts === undefined) return 'unseen';
      const reply = parsed(Buffer.concat(parts).toString('utf8'));
      const calls = choicesOf(reply).flatMap((choice) => toolCallsOf(member(member(choice, 'message'), 'tool_calls')));
      if (calls.length > 0) onToolCalls(calls);
      return reply === undefined || hasError(reply) ? 'error' : 'complete';
    },
    betweenEvents: undefined,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

const choicesOf = (value: unknown): unknown[] => {
  const choices = member(value, 'choices');
  return Array.isArray(choices) ? choices : [];
};

const hasError = (value: unknown): boolean => (member(value, 'error') ?? null) !== null;
