/** The outermost layer: gives each request its exchange, and sees it end, however it does. */
import type { RequestHandler, Request, Response } from 'express';
import { FungiError } from '../../core/errors.js';
import { withPhases, type PhaseListener } from '../../core/phases.js';
import type { ServerMetrics } from '../operations/metrics.js';
import type { Tracer } from '../tracing/trace.js';
import { Exchange } from './exchange.js';
import { INTERNAL_STATUS } from './failure.js';
import type { Lifecycle } from './lifecycle.js';
import type { HttpLimits } from './limits.js';
import type { Log } from './log.js';

export interface Observers {
  readonly log: Log;
  readonly metrics: ServerMetrics;
  readonly lifecycle: Lifecycle;
  readonly limits: HttpLimits;
  readonly tracer: Tracer;
  /** Monotonic, milliseconds. */
  readonly clock: () => number;
}

/** As nginx has it: the client left before there was a reply. */
const CLIENT_LEFT = 499;
/** Reading a body is given up by its reader first, which replies. */
const BODY_GRACE_MS = 5000;

export function observe(observers: Observers): RequestHandler {
  const { lifecycle, limits, metrics, tracer, clock } = observers;
  return (request, response, next) => {
    const exchange = new Exchange(request, clock, tracer);
    const leave = lifecycle.enter(exchange);
    metrics.inFlight.inc();
    response.setHeader('X-Request-Id', exchange.requestId);
    if (lifecycle.draining) response.setHeader('Connection', 'close');
    cutSlowBody(request, exchange, limits.bodyMs + BODY_GRACE_MS);
    // From here the client only has to read.
    response.once('prefinish', () => response.socket?.setTimeout(limits.slowReaderMs));
    response.once('close', () => {
      leave();
      metrics.inFlight.dec();
      exchange.liftDeadline();
      if (!response.writableFinished) exchange.abort(new FungiError('ABORTED', 'the client left'));
      record(request, response, exchange, observers);
    });
    exchange.trace.run(() => {
      withPhases(told(exchange, metrics), next);
    });
  };
}

/** Where a request's time goes, to all who want to know. */
function told(exchange: Exchange, metrics: ServerMetrics): PhaseListener {
  return (phase) => {
    const ms = phase.end - phase.start;
    exchange.timing(phase.name, ms);
    exchange.trace.phase(phase);
    if (phase.name === 'queue') metrics.waited(exchange.route?.path, ms);
  };
}

/**
 * Node's own limit is off (see listen.ts). Bodies that a route reads have a limit there; this is for those that nobody reads, of which
 * Node takes byte after byte for as long as they come.
 */
function cutSlowBody(request: Request, exchange: Exchange, ms: number): void {
  const timer = setTimeout(() => {
    if (!request.complete && !exchange.readsOn) request.socket.destroy();
  }, ms);
  timer.unref();
  const done = (): void => {
    if (request.complete) clearTimeout(timer);
  };
  request.once('end', done).once('close', done);
}

function record(request: Request, response: Response, exchange: Exchange, { log, metrics }: Observers): void {
  const { requestId, trace, route, keyName, elapsedMs, cause } = exchange;
  const status = response.headersSent ? response.statusCode : CLIENT_LEFT;
  const code = exchange.code ?? (response.writableFinished ? undefined : 'ABORTED');
  const { method } = request;
  metrics.observe({ method, route: route?.path, status, ms: elapsedMs });
  trace.end({ method, route: route?.path, status, code });
  if (code !== undefined && (status === 429 || status === 503)) metrics.shed(code);
  const line = {
    requestId,
    traceId: trace.traceId,
    method,
    route: route?.path,
    status,
    ms: Math.round(elapsedMs),
    keyName,
    code,
  };
  if (cause !== undefined) log.error({ ...line, err: cause }, 'request failed');
  else if (status >= INTERNAL_STATUS) log.warn(line, 'request');
  else log.info(line, 'request');
}
