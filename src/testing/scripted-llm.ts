/**
 * A stand-in for an LLM endpoint: an OpenAI-compatible server on 127.0.0.1 that plays a script, one step a request, faults
 * included, and remembers what it was asked.
 *
 * @example
 * const llm = await ScriptedLlm.start([{ status: 429, headers: { 'retry-after': '1' } }, { reply: 'card_arrival' }]);
 * const client = new OpenAiClient({ baseUrl: llm.baseUrl, model: 'test' });
 * await client.complete({ messages });  // text 'card_arrival', attempts 2
 * await llm.close();
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readAll } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChatMessage } from '../prompt/message.js';

interface Delayed {
  /** Waits so long before anything else. @default 0 */
  readonly delayMs?: number;
}

/** What one request gets. */
export type ScriptStep = Delayed &
  (
    | {
        /** A chat completion with this text. */
        readonly reply: string;
        /** @default 'stop' */
        readonly finishReason?: string;
        readonly usage?: { readonly promptTokens: number; readonly completionTokens: number };
      }
    | {
        readonly status: number;
        readonly headers?: Readonly<Record<string, string>>;
        /** Becomes OpenAI's error body; `body` is sent as it is instead. */
        readonly message?: string;
        readonly body?: string;
      }
    /** Closes the connection: at once, or with a completion half sent. */
    | { readonly reset: 'before-answer' | 'mid-body' }
    /** Never answers: not at all, or after the headers. */
    | { readonly hang: 'before-answer' | 'mid-body' }
  );

export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly model: string;
    readonly messages: readonly ChatMessage[];
    readonly [parameter: string]: unknown;
  };
}

/** Steps in order, or a function from the request to its step. */
export type Script = readonly ScriptStep[] | ((request: RecordedRequest, index: number) => ScriptStep);

export class ScriptedLlm {
  /** In order of arrival. */
  readonly requests: RecordedRequest[] = [];
  private readonly server: Server;

  private constructor(private readonly script: Script) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        play({ status: 400, message: `the script failed: ${String(error)}` }, response);
      });
    });
  }

  /** Listens on a free port. A request beyond the script's end gets status 400. */
  static async start(script: Script): Promise<ScriptedLlm> {
    const llm = new ScriptedLlm(script);
    await new Promise<void>((resolve, reject) => {
      llm.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return llm;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Ends open connections, hanging ones too. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await readAll(request)) as RecordedRequest['body'];
    const record = { path: request.url ?? '', headers: request.headers, body };
    const step = this.stepFor(record, this.requests.push(record) - 1);
    if (step.delayMs !== undefined) await sleep(step.delayMs);
    play(step, response);
  }

  private stepFor(request: RecordedRequest, index: number): ScriptStep {
    if (typeof this.script === 'function') return this.script(request, index);
    return this.script[index] ?? { status: 400, message: `the script has no step for request ${index + 1}` };
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };

function play(step: ScriptStep, response: ServerResponse): void {
  if ('reply' in step) {
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(completion(step)));
  } else if ('status' in step) {
    const error = {
      error: { message: step.message ?? `scripted status ${step.status}`, type: 'scripted', code: null },
    };
    response.writeHead(step.status, { ...JSON_TYPE, ...step.headers }).end(step.body ?? JSON.stringify(error));
  } else {
    const where = 'reset' in step ? step.reset : step.hang;
    const cut = (): void => {
      if ('reset' in step) response.destroy();
    };
    if (where === 'before-answer') cut();
    else response.writeHead(200, JSON_TYPE).write('{"choices":[{"message":{"content":"half an an', cut);
  }
}

function completion(step: Extract<ScriptStep, { reply: string }>): unknown {
  const { promptTokens, completionTokens } = step.usage ?? { promptTokens: 1, completionTokens: 1 };
  return {
    id: 'scripted',
    object: 'chat.completion',
    created: 0,
    model: 'scripted',
    choices: [
      { index: 0, message: { role: 'assistant', content: step.reply }, finish_reason: step.finishReason ?? 'stop' },
    ],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
}
