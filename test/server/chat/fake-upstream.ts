/** An LLM endpoint on 127.0.0.1 that answers each request as the next step of a script does, byte for byte. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly messages: readonly object[]; readonly [member: string]: unknown };
  /** Settles when the connection of the request, or the reply to it, has ended. */
  readonly closed: Promise<void>;
}

export type Step = (response: ServerResponse, received: Received) => void | Promise<void>;

export const MESSAGE = { role: 'assistant', content: 'lost_card' };
export const COMPLETION = {
  ...{ id: 'c1', object: 'chat.completion', created: 1, model: 'm' },
  choices: [{ index: 0, message: MESSAGE, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};
export const chunk = (delta: object, finish: string | null = null): string => {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
};
export const STREAM = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'lost' }),
  chunk({ content: '_card' }),
  chunk({}, 'stop'),
  'data: [DONE]\n\n',
];
export const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' };

export const json =
  (body: object = COMPLETION, status = 200, headers: Readonly<Record<string, string>> = {}): Step =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
export const refusal = (status: number, headers: Readonly<Record<string, string>> = {}): Step =>
  json({ error: { message: `refused with ${status}`, type: 'upstream', param: null, code: 'own' } }, status, headers);
export const events =
  (parts: readonly (string | Uint8Array)[] = STREAM): Step =>
  async (response) => {
    response.writeHead(200, EVENTS);
    for (const part of parts) await written(response, part);
    response.end();
  };
/** Ends the connection without a word, behind what was sent so far. */
export const reset: Step = (response) => {
  response.socket!.resetAndDestroy();
};
export const silent: Step = () => undefined;

/** A stream whose connection ends behind its second event. */
export const breaksOff: Step = async (response) => {
  response.writeHead(200, EVENTS);
  await written(response, STREAM[0]!);
  await written(response, STREAM[1]!);
  response.socket!.resetAndDestroy();
};

/** On its way, so that the next part is one of its own. */
export const written = (response: ServerResponse, part: string | Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    response.write(part, () => {
      setImmediate(resolve);
    });
  });

export class FakeUpstream {
  readonly received: Received[] = [];
  private readonly server: Server;

  private constructor(private readonly script: readonly Step[]) {
    this.server = createServer((request, response) => {
      void text(request).then((body) => {
        const closed = new Promise<void>((resolve) => {
          response.once('close', resolve);
        });
        const received = { path: request.url!, headers: request.headers, body: JSON.parse(body) as never, closed };
        // The last step is that of all further requests.
        const step = this.script[Math.min(this.received.push(received), this.script.length) - 1]!;
        return step(response, received);
      });
    });
  }

  static async start(...script: readonly Step[]): Promise<FakeUpstream> {
    const upstream = new FakeUpstream(script);
    await new Promise<void>((resolve) => upstream.server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
