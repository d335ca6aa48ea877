/** One request and its reply: what the layers between socket and route know of it together. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FungiError } from '../../core/errors.js';
import type { RouteDescription } from '../route.js';
import { plainTracer, type RequestTrace, type Tracer } from '../tracing/trace.js';

const REQUEST_ID = /^[\w-]{1,128}$/;
const exchanges = new WeakMap<IncomingMessage, Exchange>();

export class Exchange {
  readonly requestId: string;
  readonly trace: RequestTrace;
  /** Undefined until a path has matched. */
  route: RouteDescription | undefined;
  keyName: string | undefined;
  /** Whether the body is read line by line while the work goes on, for as long as lines come: neither has a deadline then. */
  readsOn = false;
  /** Of the error that it ended in. */
  code: string | undefined;
  /** The error behind a fault of the server: for the log alone. */
  cause: unknown;
  private readonly controller = new AbortController();
  private readonly timings = new Map<string, number>();
  private deadline: NodeJS.Timeout | undefined;

  /** @param startedAt of `clock`, milliseconds */
  constructor(
    request: IncomingMessage,
    private readonly clock: () => number,
    tracer: Tracer = plainTracer,
    private readonly startedAt = clock(),
  ) {
    const given = request.headers['x-request-id'];
    this.requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    this.trace = tracer.request(request.headers);
    exchanges.set(request, this);
  }

  /** @throws {Error} before the request was given one, which is a bug */
  static of(request: IncomingMessage): Exchange {
    const exchange = exchanges.get(request);
    if (exchange === undefined) throw new Error('the request has not passed the first layer');
    return exchange;
  }

  static has(request: IncomingMessage): boolean {
    return exchanges.has(request);
  }

  get errors(): RouteDescription['errors'] {
    return this.route?.errors ?? 'problem';
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get elapsedMs(): number {
    return this.clock() - this.startedAt;
  }

  /** Nothing after the first reason counts. */
  abort(reason: FungiError): void {
    this.liftDeadline();
    this.controller.abort(reason);
  }

  /** From now on. */
  setDeadline(ms: number): void {
    this.liftDeadline();
    this.deadline = setTimeout(() => {
      this.abort(
        new FungiError('DEADLINE_EXCEEDED', `no reply within the ${ms} ms that a request may take`, {
          hint: 'Send less at once, or try again when less is going on.',
        }),
      );
    }, ms);
  }

  /** A reply that has begun may take its time: its reader sees that it goes on. */
  liftDeadline(): void {
    clearTimeout(this.deadline);
  }

  /** What `work` gives, or the reason of an abort that comes first: a handler that does not heed its signal holds up nobody. */
  async orAborted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let leave = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      leave = () => {
        reject(signal.reason as FungiError);
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([work, aborted]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Milliseconds add up under a name. */
  timing(name: string, ms: number): void {
    this.timings.set(name, (this.timings.get(name) ?? 0) + ms);
  }

  /** Value of the Server-Timing header, up to now. */
  get serverTiming(): string {
    const all = [...this.timings, ['total', this.elapsedMs] as const];
    return all.map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`).join(', ');
  }
}
