/** The body of an OpenAI-shaped request, as a body parser left it. */
import { FungiError } from '../../core/errors.js';
import type { OpenAiMessage } from '../openai-chat.js';
import type { HttpRequest } from './http.js';

export interface ChatBody {
  readonly messages: readonly OpenAiMessage[];
  readonly [member: string]: unknown;
}

/**
 * @param middleware is named by errors
 * @throws {FungiError} UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT where nothing was parsed; INVALID_REQUEST where it is no conversation
 */
export function chatBodyOf({ body, headers }: HttpRequest, middleware: string): ChatBody {
  if (body === undefined || body === null || typeof body === 'string' || Buffer.isBuffer(body)) {
    throw notParsed(body, headers['content-type'], middleware);
  }
  const { messages } = body as { readonly messages?: unknown };
  if (!isMessages(messages)) {
    throw new FungiError('INVALID_REQUEST', 'messages: expected a list of messages, each an object with a role', {
      hint: 'Send the body of a chat completion: {"model": "…", "messages": [{"role": "user", "content": "…"}]}.',
      details: { param: 'messages' },
    });
  }
  return body as ChatBody;
}

/** Whether a value is a list of messages, as far as they are read here. */
export const isMessages = (value: unknown): value is readonly OpenAiMessage[] =>
  Array.isArray(value) &&
  value.every((message: unknown) => {
    return typeof message === 'object' && message !== null && 'role' in message && typeof message.role === 'string';
  });

function notParsed(body: unknown, type: string | string[] | undefined, middleware: string): FungiError {
  const parser = `app.post(path, express.json(), ${middleware}({ … }))`;
  if (body === undefined && type !== undefined && !/\bjson\b/i.test(String(type))) {
    return new FungiError(
      'UNSUPPORTED_MEDIA_TYPE',
      `the request's Content-Type is "${String(type)}": nothing read it`,
      {
        hint: `Send application/json, and let a body parser read it first: ${parser}.`,
      },
    );
  }
  const found = body === undefined ? 'undefined' : body === null ? 'null' : `a ${typeof body}, and no parsed JSON`;
  return new FungiError('INVALID_ARGUMENT', `${middleware}: req.body is ${found}: no JSON parser read the request`, {
    hint: `Put one before it: ${parser}. A request without a body leaves none either.`,
  });
}
