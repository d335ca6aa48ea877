/**
 * Requests as spans of OpenTelemetry, where its API is installed and the process has an SDK (`node --import`). Names and attributes follow its
 * semantic conventions for HTTP and, for calls to an LLM, those for generative AI.
 */
import type { Attributes, Context, Span, SpanContext } from '@opentelemetry/api';
import { LIBRARY_VERSION } from '../../core/version.js';
import type { Phase, PhaseName } from '../../core/phases.js';
import { callerOf, plainTracer, type CallEnd, type RequestTrace, type Tracer } from './trace.js';

type Api = typeof import('@opentelemetry/api');

const SPAN_NAMES: Readonly<Record<PhaseName, string>> = {
  queue: 'fungi.queue',
  infer: 'fungi.encode',
  search: 'fungi.search',
};

/**
 * @param load what has the API
 * @returns the plain tracer where the API is not installed
 */
export async function openTracer(load: () => Promise<Api> = () => import('@opentelemetry/api')): Promise<Tracer> {
  try {
    return openTelemetryTracer(await load());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return plainTracer;
    throw error;
  }
}

export function openTelemetryTracer(api: Api): Tracer {
  const { SpanKind } = api;
  const tracer = api.trace.getTracer('fungi-icl', LIBRARY_VERSION);
  return {
    request(headers) {
      const above = contextAbove(api, headers);
      const span = tracer.startSpan('HTTP', { kind: SpanKind.SERVER }, above);
      const own = span.spanContext();
      // Without an SDK a span is none, or its caller's.
      if (!api.isSpanContextValid(own) || own.spanId === api.trace.getSpanContext(above)?.spanId) {
        return plainTracer.request(headers);
      }
      return new SpanTrace(api, tracer, span, api.trace.setSpan(above, span));
    },
  };
}

/** What is under way already, where something else makes spans of requests, as OpenTelemetry's own instrumentation does; else the caller. */
function contextAbove(api: Api, headers: Parameters<Tracer['request']>[0]): Context {
  const active = api.context.active();
  const caller = callerOf(headers);
  if (api.trace.getSpan(active) !== undefined || caller === undefined) return active;
  const { traceId, spanId, flags, state } = caller;
  return api.trace.setSpanContext(active, {
    ...{ traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true },
    ...(state !== undefined && { traceState: api.createTraceState(state) }),
  });
}

class SpanTrace implements RequestTrace {
  constructor(
    private readonly api: Api,
    private readonly tracer: ReturnType<Api['trace']['getTracer']>,
    private readonly span: Span,
    private readonly context: Context,
  ) {}

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  run<T>(work: () => T): T {
    return this.api.context.with(this.context, work);
  }

  phase({ name, start, end, sizes }: Phase): void {
    const attributes = Object.fromEntries(Object.entries(sizes).map(([size, value]) => [`fungi.${size}`, value]));
    const { INTERNAL } = this.api.SpanKind;
    const options = { kind: INTERNAL, startTime: epoch(start), attributes };
    this.tracer.startSpan(SPAN_NAMES[name], options, this.context).end(epoch(end));
  }

  call(model?: string): ReturnType<RequestTrace['call']> {
    const attributes: Attributes = {
      'gen_ai.operation.name': 'chat',
      ...(model !== undefined && { 'gen_ai.request.model': model }),
    };
    const name = model === undefined ? 'chat' : `chat ${model}`;
    const span = this.tracer.startSpan(name, { kind: this.api.SpanKind.CLIENT, attributes }, this.context);
    return {
      headers: headersOf(span.spanContext()),
      end: ({ failure, promptTokens, completionTokens }: CallEnd) => {
        if (promptTokens !== undefined) span.setAttribute('gen_ai.usage.input_tokens', promptTokens);
        if (completionTokens !== undefined) span.setAttribute('gen_ai.usage.output_tokens', completionTokens);
        if (failure !== undefined) this.fail(span, failure);
        span.end();
      },
    };
  }

  end({ method, route, status, code }: Parameters<RequestTrace['end']>[0]): void {
    const { span } = this;
    span.updateName(route === undefined ? method : `${method} ${route}`);
    span.setAttributes({
      'http.request.method': method,
      'http.response.status_code': status,
      ...(route !== undefined && { 'http.route': route }),
    });
    if (status >= 500) this.fail(span, code ?? String(status));
    else if (code !== undefined) span.setAttribute('error.type', code);
    span.end();
  }

  /** By its code alone: messages may name what a client sent. */
  private fail(span: Span, code: string): void {
    span.setAttribute('error.type', code);
    span.setStatus({ code: this.api.SpanStatusCode.ERROR });
  }
}

function headersOf({ traceId, spanId, traceFlags, traceState }: SpanContext): Record<string, string> {
  const state = traceState?.serialize();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    ...(state !== undefined && state !== '' && { tracestate: state }),
  };
}

/** Milliseconds since 1970 of a performance.now(). */
const epoch = (ms: number): number => performance.timeOrigin + ms;
