/** A reply in parts: no faster than its reader reads, and never mistaken for whole when it is not. */
import type { ServerResponse } from 'node:http';
import { FungiError } from '../../core/errors.js';
import type { Exchange } from './exchange.js';
import { cutOff } from './cut-off.js';
import { failureOf, isFault, type Failure } from './failure.js';
import type { HttpLimits } from './limits.js';

export interface StreamForm<T> {
  encode(value: T): string | Uint8Array;
  /** Sent while there is nothing else to send. */
  readonly heartbeat?: string;
  /** The last part of a stream that failed; absent where nothing may be added: the connection is cut instead. */
  failed?(failure: Failure): string;
  /** The last part of a whole one. */
  readonly end?: string;
}

const SILENT = Symbol('silent');

/**
 * The status is sent with the first value, so that an error before it is replied to as any other; or after a heartbeat's time without
 * one. The deadline is over then.
 *
 * @throws what `values` throws before that
 */
export async function sendStream<T>(
  values: AsyncIterable<T>,
  form: StreamForm<T>,
  response: ServerResponse,
  exchange: Exchange,
  { heartbeatMs, slowReaderMs }: HttpLimits,
): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  const begin = (): void => {
    if (response.headersSent) return;
    exchange.liftDeadline();
    response.setHeader('Server-Timing', exchange.serverTiming);
    response.flushHeaders();
  };
  try {
    let pending = iterator.next();
    for (;;) {
      const next = await exchange.orAborted(orSilent(pending, heartbeatMs));
      begin();
      if (next === SILENT) {
        if (form.heartbeat !== undefined) await write(response, form.heartbeat, slowReaderMs);
        continue;
      }
      if (next.done === true) break;
      await write(response, form.encode(next.value), slowReaderMs);
      pending = iterator.next();
    }
    response.end(form.end);
  } catch (error) {
    if (!response.headersSent) throw error;
    const failure = failureOf(error);
    exchange.code = failure.code;
    if (isFault(failure)) exchange.cause = error;
    if (form.failed === undefined || response.destroyed) await cutOff(response);
    else response.end(form.failed(failure));
  } finally {
    // A generator that waits for something hears of the end by its signal; nobody waits for it here.
    iterator.return?.().catch(() => undefined);
  }
}

async function orSilent<T>(work: Promise<T>, ms: number): Promise<T | typeof SILENT> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<typeof SILENT>((resolve) => {
    timer = setTimeout(resolve, ms, SILENT);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when more may be written. @throws {FungiError} ABORTED when the reader has left, or has not read for so long */
async function write(response: ServerResponse, part: string | Uint8Array, slowReaderMs: number): Promise<void> {
  if (response.destroyed) throw new FungiError('ABORTED', 'the client left');
  if (response.write(part)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: FungiError): void => {
      clearTimeout(timer);
      response.off('drain', drained).off('close', left);
      if (error === undefined) resolve();
      else reject(error);
    };
    const drained = (): void => {
      settle();
    };
    const left = (): void => {
      settle(new FungiError('ABORTED', 'the client left'));
    };
    const timer = setTimeout(() => {
      response.destroy();
      settle(new FungiError('ABORTED', `the client read nothing for ${slowReaderMs} ms`));
    }, slowReaderMs);
    response.once('drain', drained).once('close', left);
  });
}
