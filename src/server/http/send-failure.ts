/** Replies to a request that failed, whatever state its connection is in. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { cutOff } from './cut-off.js';
import { failureOf, isFault, openAiErrorOf, problemOf, retryHeaders, type Failure } from './failure.js';
import { Exchange } from './exchange.js';

/** How long, and how many bytes, of a body are still taken in after it was refused, so that its sender gets to read why. */
const LINGER_MS = 1000;
const LINGER_BYTES = 8 * 1024 * 1024;

/** The body of an error's reply, as the route's clients read it. */
export function errorBody(failure: Failure, exchange: Exchange): object {
  return exchange.errors === 'openai' ? openAiErrorOf(failure) : problemOf(failure, exchange.requestId);
}

/** Where the reply has begun already, it is cut off: its reader must not take it for whole. */
export async function sendFailure(error: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const exchange = Exchange.of(request);
  const failure = failureOf(error);
  exchange.code = failure.code;
  if (isFault(failure)) exchange.cause = error;
  if (response.headersSent) {
    await cutOff(response);
    return;
  }
  // A small body is often in the packet that is being read, behind what was refused.
  if (!request.complete) await turn();
  if (response.destroyed) return;
  const bytes = Buffer.from(JSON.stringify(errorBody(failure, exchange)));
  response.statusCode = failure.status;
  for (const [name, value] of Object.entries(retryHeaders(failure))) response.setHeader(name, value);
  response.setHeader('Content-Type', exchange.errors === 'openai' ? 'application/json' : 'application/problem+json');
  response.setHeader('Content-Length', bytes.length);
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Server-Timing', exchange.serverTiming);
  if (request.complete) {
    response.end(bytes);
    return;
  }
  response.setHeader('Connection', 'close');
  response.write(bytes);
  await linger(request);
  response.end();
}

/** Closing a socket with unread bytes resets it, and the client loses the reply: reads on for a while and throws away. */
async function linger(request: IncomingMessage): Promise<void> {
  request.unpipe();
  request.removeAllListeners('readable');
  let left = LINGER_BYTES;
  await new Promise<void>((resolve) => {
    setTimeout(resolve, LINGER_MS).unref();
    request.once('close', resolve).once('end', resolve).once('error', resolve);
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) resolve();
    });
    setImmediate(() => request.resume());
  });
}
