/** One request to the upstream, and its reply as it comes in. */
import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { FungiError } from '../../core/errors.js';
import type { UpstreamLimits } from './upstream-settings.js';

export interface OutgoingRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * The connection was refused, reset or closed before the first byte; DNS or TLS failed.
 *
 * @param retry whether another attempt may do better
 */
export class ConnectionFailure extends Error {
  constructor(
    readonly code: string,
    readonly retry: boolean,
    cause: unknown,
  ) {
    super(`no connection: ${code}`, { cause });
  }
}

/** What may be over with the next attempt. A name that is not known, or a certificate that is not trusted, is not among it. */
const PASSING = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'];

export class UpstreamCall {
  private constructor(
    private readonly connection: Connection,
    private readonly response: IncomingMessage,
    private readonly body: AsyncIterator<Uint8Array>,
    private readonly first: IteratorResult<Uint8Array, unknown>,
  ) {}

  /**
   * Resolves with the first byte of the body.
   *
   * @param leftMs of the total limit
   * @param signal ends it whenever it fires
   * @throws {ConnectionFailure}
   * @throws {FungiError} DEADLINE_EXCEEDED for a limit that has passed; the signal's reason
   */
  static async open(
    target: URL,
    agent: Agent,
    outgoing: OutgoingRequest,
    limits: UpstreamLimits,
    leftMs: number,
    signal: AbortSignal,
  ): Promise<UpstreamCall> {
    const connection = new Connection(target, agent, outgoing, limits, leftMs, signal);
    try {
      const response = await connection.response();
      response.on('error', () => undefined); // beside the iterator's, for what comes when that is gone
      const body = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, unknown>;
      const first = await body.next();
      connection.limit(undefined);
      return new UpstreamCall(connection, response, body, first);
    } catch (error) {
      throw connection.end(error);
    }
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  /**
   * The body as it comes, no faster than it is taken.
   *
   * @throws {FungiError} DEADLINE_EXCEEDED, LLM_UNREACHABLE where it breaks off; the signal's reason
   */
  async *parts(): AsyncGenerator<Uint8Array, void> {
    try {
      for (let next = this.first; next.done !== true; next = await this.next()) yield next.value;
    } catch (error) {
      throw broken(this.connection.end(error));
    } finally {
      this.close();
    }
  }

  /** The whole body, or undefined where it is longer. @throws as {@link parts} */
  async bytes(max: number): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of this.parts()) {
      length += part.length;
      if (length > max) return undefined;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** Nothing more is wanted of it. */
  close(): void {
    this.connection.close(this.response.complete);
  }

  private async next(): Promise<IteratorResult<Uint8Array, unknown>> {
    this.connection.limit('stall');
    const next = await this.body.next();
    this.connection.limit(undefined);
    return next;
  }
}

type Phase = 'connect' | 'firstByte' | 'stall' | 'total';

/** The request under way: what ends it early, and why. */
class Connection {
  private readonly request: ClientRequest;
  private timer: NodeJS.Timeout | undefined;
  private readonly total: NodeJS.Timeout;
  /** What ended it, where that was not the other side. */
  private reason: unknown;

  constructor(
    target: URL,
    agent: Agent,
    { headers, body }: OutgoingRequest,
    private readonly limits: UpstreamLimits,
    leftMs: number,
    private readonly signal: AbortSignal,
  ) {
    this.total = setTimeout(() => {
      this.stop(limitPassed('total', limits.totalMs));
    }, leftMs);
    this.limit('connect');
    const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
    this.request = send(target, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': String(body.length) },
    });
    this.request.on('error', () => undefined); // response() has a listener of its own; later ones come by way of the body
    this.request.once('socket', (socket) => {
      const connected = (): void => {
        this.limit('firstByte');
      };
      if (socket.connecting) socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    if (signal.aborted) this.aborted();
    else signal.addEventListener('abort', this.aborted, { once: true });
    this.request.end(body);
  }

  response(): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.request.once('response', resolve).once('error', reject);
      if (this.reason !== undefined) reject(new Error('ended before it began'));
    });
  }

  /** From now on. */
  limit(phase: Exclude<Phase, 'total'> | undefined): void {
    clearTimeout(this.timer);
    if (phase === undefined) return;
    const ms = this.limits[`${phase}Ms`];
    this.timer = setTimeout(() => {
      this.stop(limitPassed(phase, ms));
    }, ms);
  }

  /** Ends it after `error`, and says what that was in truth. */
  end(error: unknown): unknown {
    const reason = this.reason ?? failureOf(error);
    this.stop(reason);
    this.release();
    return reason;
  }

  /** @param whole whether the connection can serve another request */
  close(whole: boolean): void {
    this.release();
    if (!whole) this.request.destroy();
  }

  private readonly aborted = (): void => {
    this.stop(this.signal.reason);
  };

  private stop(reason: unknown): void {
    this.reason ??= reason;
    this.request.destroy();
  }

  private release(): void {
    clearTimeout(this.timer);
    clearTimeout(this.total);
    this.signal.removeEventListener('abort', this.aborted);
  }
}

function failureOf(error: unknown): ConnectionFailure {
  const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
  return new ConnectionFailure(code, PASSING.includes(code), error);
}

/** A reply that has begun cannot be asked for again: what breaks it off is an error for the client. */
const broken = (reason: unknown): unknown =>
  reason instanceof ConnectionFailure
    ? new FungiError('LLM_UNREACHABLE', 'the LLM endpoint broke off its reply', { cause: reason })
    : reason;

const PHASES: Record<Phase, string> = {
  connect: 'took no connection',
  firstByte: 'sent no first byte',
  stall: 'sent nothing more',
  total: 'did not end its reply',
};

const limitPassed = (phase: Phase, ms: number): FungiError =>
  new FungiError('DEADLINE_EXCEEDED', `the LLM endpoint ${PHASES[phase]} within ${ms} ms`, {
    hint: 'Try again later; the server may be given other limits.',
    details: { upstream: phase },
  });
