/** Writes what a route replies. */
import type { ServerResponse } from 'node:http';
import type { Reply } from '../route.js';
import type { Exchange } from './exchange.js';
import type { HttpLimits } from './limits.js';
import { JSON_TYPE, LINES_TYPE } from './media-type.js';
import { sendStream, type StreamForm } from './send-stream.js';
import { errorBody } from './send-failure.js';

const NO_STORE = { 'Cache-Control': 'no-store' };
const STREAM_HEADERS = { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' };

/** @throws what the reply's values throw before the first of them is sent */
export async function sendReply(
  reply: Reply,
  response: ServerResponse,
  exchange: Exchange,
  limits: HttpLimits,
): Promise<void> {
  switch (reply.kind) {
    case 'json':
      sendWhole(reply, JSON_TYPE, JSON.stringify(reply.body), response, exchange);
      return;
    case 'text':
      sendWhole(reply, reply.type, reply.body, response, exchange);
      return;
    case 'empty':
      setHeaders(response, { ...NO_STORE, 'Server-Timing': exchange.serverTiming, ...reply.headers });
      response.statusCode = reply.status;
      response.end();
      return;
    case 'bytes':
      setHeaders(response, reply.headers);
      response.statusCode = reply.status;
      await sendStream(reply.body, BYTES, response, exchange, limits);
      return;
    case 'events':
    case 'lines': {
      const form = reply.kind === 'events' ? eventsForm(exchange, reply.terminator) : linesForm(exchange);
      setHeaders(response, { ...STREAM_HEADERS, 'Content-Type': form.type, ...reply.headers });
      await sendStream(reply.values, form, response, exchange, limits);
    }
  }
}

function sendWhole(
  { status, headers }: { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
  type: string,
  text: string,
  response: ServerResponse,
  exchange: Exchange,
): void {
  const bytes = Buffer.from(text);
  setHeaders(response, {
    ...NO_STORE,
    'Content-Type': type,
    'Content-Length': String(bytes.length),
    'Server-Timing': exchange.serverTiming,
    ...headers,
  });
  response.statusCode = status;
  response.end(bytes);
}

function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

const BYTES: StreamForm<Uint8Array> = { encode: (bytes) => bytes };

function eventsForm(exchange: Exchange, terminator: string | undefined): StreamForm<unknown> & { type: string } {
  return {
    type: 'text/event-stream; charset=utf-8',
    encode: (value) => `${exchange.errors === 'openai' ? '' : nameOf(value)}data: ${JSON.stringify(value)}\n\n`,
    heartbeat: ': still at it\n\n',
    // OpenAI's clients look for `error` in the data of any event.
    failed: (failure) => {
      const name = exchange.errors === 'openai' ? '' : 'event: error\n';
      return `${name}data: ${JSON.stringify(errorBody(failure, exchange))}\n\n`;
    },
    ...(terminator !== undefined && { end: `data: ${terminator}\n\n` }),
  };
}

/** Of an event that says its type: an EventSource listens by name. */
function nameOf(value: unknown): string {
  const { type } = value as { readonly type?: unknown };
  return typeof type === 'string' && /^[a-z]+$/.test(type) ? `event: ${type}\n` : '';
}

function linesForm(exchange: Exchange): StreamForm<unknown> & { type: string } {
  return {
    type: LINES_TYPE,
    encode: (value) => `${JSON.stringify(value)}\n`,
    failed: (failure) => {
      const body = errorBody(failure, exchange);
      return `${JSON.stringify('error' in body ? body : { error: body })}\n`;
    },
  };
}
