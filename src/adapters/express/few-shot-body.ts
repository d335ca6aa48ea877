import { withSystem } from '../chat-format.js';
import { FewShot, withAlso } from '../few-shot.js';
import { parseCall, type FewShotCall, type FewShotOptions } from '../few-shot-options.js';
import { openAiChat } from '../openai-chat.js';
import { chatBodyOf } from './chat-body.js';
import type { HttpRequest, Middleware } from './http.js';
import { passing } from './middleware.js';

export interface FewShotBodyOptions<Request> extends FewShotOptions {
  /**
   * Options of one request; they are checked, so that they may come from the client: `(req) => req.body.fungi`. A filter replaces the
   * one of the options: where that keeps tenants apart, let clients give none.
   */
  readonly call?: ((request: Request) => FewShotCall | undefined) | undefined;
}

/**
 * Puts examples into an OpenAI-shaped body: `req.body` is a copy whose messages have them before the last user message, and `req.fungi`
 * says which. Where there is no text to find any by, neither changes.
 *
 * @example
 * app.post('/v1/chat/completions', express.json(), fungiFewShot({ selector, k: 8 }), forward);
 *
 * To the error handler: {FungiError} INVALID_REQUEST, INVALID_ARGUMENT, UNSUPPORTED_MEDIA_TYPE, INVALID_TEXT, ABORTED, …
 *
 * @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds
 */
export function fungiFewShot<Request extends HttpRequest = HttpRequest>({
  call = () => undefined,
  ...options
}: FewShotBodyOptions<Request>): Middleware<Request> {
  const fewShot = new FewShot(options);
  return passing(async (request, _, signal) => {
    const body = chatBodyOf(request, 'fungiFewShot');
    const chosen = parseCall(call(request), 'call');
    const { messages, system, report } = await fewShot.place(openAiChat, body.messages, chosen, signal);
    if (report === undefined) return;
    request.body = { ...body, messages: withSystem(openAiChat, messages, system) };
    request.fungi = withAlso(report, request.fungi);
  });
}
