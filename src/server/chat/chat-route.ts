/** The proxy: a chat completion of OpenAI's shape gets examples, and goes to the LLM endpoint behind the server. */
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import type { Reply, RequestContext, Route } from '../route.js';
import { ASKING, codes, ENCODING, OPENING } from '../routes/failures.js';
import { noQuery } from '../routes/fields.js';
import { chatBodySchema, chatHeaders, chatRequestOf, type ChatBody, type ChatRequest } from './chat-request.js';
import { ExamplesOfIndex, type ExamplesOptions, type PlacedExamples } from './examples-of-index.js';
import { headersToClient, headersToUpstream } from './headers.js';
import { refusalReply } from './refusal.js';
import { relayed, type Outcome } from './relay.js';
import { isEventStream, watchReply } from './reply-watch.js';
import type { Upstream } from './upstream.js';

export interface ChatRouteOptions extends ExamplesOptions {
  readonly upstream: Upstream;
  /** Of calls that name none. */
  readonly defaultIndex?: string | undefined;
  /** Longer than the server's own, which an LLM may well take. Milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** What became of a call, and how long the LLM endpoint had it, milliseconds. */
  readonly onEnd?: ((outcome: Outcome, ms: number) => void) | undefined;
}

/** Characters of the header that names the examples; where they are more, it ends in how many are left out. */
const MAX_IDS = 2000;

/** Of a call that came to its end, as far as that could be seen. */
const SUCCESSES: readonly Outcome[] = ['complete', 'unseen'];

/** What an LLM endpoint refuses a call with. */
const REFUSALS = [400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 422, 424, 429, 451];
const errorSchema = z.looseObject({ error: z.looseObject({ message: z.string() }) });

/** The route before it is known where calls go. */
export const CHAT: Omit<Route<unknown, unknown, ChatBody>, 'handle'> = {
  method: 'post',
  path: '/v1/chat/completions',
  operationId: 'createChatCompletion',
  tag: 'openai',
  summary: 'Puts the examples of an index before the last user message, and passes the call on to the LLM endpoint.',
  scope: 'read',
  errors: 'openai',
  querySchema: noQuery,
  headerSchema: chatHeaders,
  body: { size: 'media', schema: chatBodySchema },
  replies: {
    200: {
      description: "The LLM endpoint's own reply, in events where `stream` is true.",
      schema: z.looseObject({}),
      headers: {
        'x-fungi-index': 'Whose examples the call got: `help-desk;generation=…`',
        'x-fungi-examples':
          'Their ids, nearest first, percent-encoded; cut at 2,000 characters, then the last is how many are left out: `+12`',
        'x-fungi-overhead-ms': 'What the server itself took, milliseconds',
      },
      streamed: {
        type: 'text/event-stream',
        schema: z.string().meta({ description: 'JSON of a chunk, as the LLM endpoint has it; `[DONE]` at the end.' }),
      },
    },
    ...Object.fromEntries(
      REFUSALS.map((status) => [status, { description: "The LLM endpoint's own refusal.", schema: errorSchema }]),
    ),
  },
  failures: codes(OPENING, ENCODING, ASKING, ['TEMPLATE_INVALID', 'NOT_READY']),
};

export function chatRoute({ deadlineMs, ...options }: ChatRouteOptions): Route<unknown, unknown, ChatBody> {
  const proxy = new ChatProxy(options);
  return { ...CHAT, deadlineMs, handle: ({ body, context }) => proxy.handle(body, context) };
}

/** Of a server that has no LLM endpoint: the path is there, and says what is missing. */
export const noChatRoute: Route<unknown, unknown, ChatBody> = {
  ...CHAT,
  handle: () => {
    const error = new FungiError('NOT_READY', 'this server has no LLM endpoint to send chat completions to', {
      hint: 'Set llmBaseUrl (or OPENAI_BASE_URL) where the server is started.',
    });
    return Promise.reject(error);
  },
};

class ChatProxy {
  private readonly examples: ExamplesOfIndex;

  constructor(private readonly options: ChatRouteOptions) {
    this.examples = new ExamplesOfIndex(options);
  }

  async handle(body: ChatBody, context: RequestContext): Promise<Reply> {
    const { upstream, defaultIndex } = this.options;
    const started = performance.now();
    const request = chatRequestOf(body, context.headers, defaultIndex);
    const placed = await this.place(request, context);
    const traced = context.call();
    const outgoing = {
      headers: headersToUpstream(context, traced.headers, this.authorization(context)),
      body: Buffer.from(JSON.stringify({ ...request.others, messages: placed?.messages ?? request.messages })),
    };
    const sent = performance.now();
    const onEnd = (outcome: Outcome): void => {
      traced.end({ failure: SUCCESSES.includes(outcome) ? undefined : outcome });
      this.options.onEnd?.(outcome, performance.now() - sent);
    };
    try {
      const reply = await upstream.send(outgoing, context.signal);
      const upstreamMs = performance.now() - sent;
      context.timing('upstream', upstreamMs);
      const own = {
        ...headersOf(placed),
        'x-fungi-overhead-ms': (performance.now() - started - upstreamMs).toFixed(1),
      };
      if (reply.kind === 'refusal') {
        const refusal = refusalReply(reply, upstream.apiKey);
        onEnd('refused');
        return { ...refusal, headers: { ...refusal.headers, ...own } };
      }
      const { call } = reply;
      const {
        'content-type': type = 'application/json',
        'content-encoding': coding,
        'content-length': length,
      } = call.headers;
      const watch = watchReply(type, coding, placed?.answered ?? (() => undefined));
      return {
        kind: 'bytes',
        status: call.status,
        body: relayed(call.parts(), watch, context.signal, onEnd),
        headers: {
          ...headersToClient(call.headers, upstream.apiKey),
          'Content-Type': type,
          ...(coding !== undefined && { 'Content-Encoding': coding }),
          ...own,
          // A stream may get an event more.
          ...(isEventStream(type)
            ? { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' }
            : { 'Cache-Control': 'no-store', ...(length !== undefined && { 'Content-Length': length }) }),
        },
      };
    } catch (error) {
      onEnd(context.signal.aborted ? 'aborted' : 'failed');
      throw error;
    }
  }

  private async place(
    { index, messages, call }: ChatRequest,
    { catalogue, signal }: RequestContext,
  ): Promise<PlacedExamples | undefined> {
    if (index === undefined) return undefined;
    const placed = await this.examples.place(catalogue, index, messages, call, signal);
    signal.throwIfAborted();
    return placed;
  }

  private authorization({ headers }: RequestContext): string | undefined {
    const { apiKey, forwardsAuthorization } = this.options.upstream;
    if (apiKey !== '') return `Bearer ${apiKey}`;
    return forwardsAuthorization ? headers.authorization : undefined;
  }
}

function headersOf(placed: PlacedExamples | undefined): Record<string, string> {
  if (placed === undefined) return {};
  return { 'x-fungi-index': placed.index, 'x-fungi-examples': idsText(placed.ids) };
}

/** `card-1,card%202,+18` */
function idsText(ids: readonly string[]): string {
  let text = '';
  for (const [i, id] of ids.entries()) {
    const longer = `${text}${i === 0 ? '' : ','}${encodeURIComponent(id.toWellFormed())}`;
    if (longer.length > MAX_IDS) return `${text}${i === 0 ? '' : ','}+${ids.length - i}`;
    text = longer;
  }
  return text;
}
