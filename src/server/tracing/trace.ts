/** What is told of a request while it is served, and to which trace it belongs (W3C trace context). */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Phase } from '../../core/phases.js';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

export interface RequestEnd {
  readonly method: string;
  /** Template of the path; undefined where none matched. */
  readonly route: string | undefined;
  readonly status: number;
  /** Of the error that it ended in. */
  readonly code: string | undefined;
}

/** What a call to the LLM endpoint came to. */
export interface CallEnd {
  /** Of the error table, or another word for what became of it; undefined where it succeeded. */
  readonly failure?: string | undefined;
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
}

/** A call to the LLM endpoint under way. */
export interface CallTrace {
  /** To be sent with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Calls after the first are none. */
  end(of: CallEnd): void;
}

/** A request under way. Nothing that it is told holds a text or a key. */
export interface RequestTrace {
  readonly traceId: string;
  /** Runs `work` as part of it. */
  run<T>(work: () => T): T;
  phase(phase: Phase): void;
  /** @param model of the server's configuration */
  call(model?: string): CallTrace;
  end(of: RequestEnd): void;
}

export interface Tracer {
  request(headers: IncomingHttpHeaders): RequestTrace;
}

/** Where a request comes from, as its headers say. */
export interface Caller {
  readonly traceId: string;
  readonly spanId: string;
  /** Two hexadecimal digits: 01 is sampled. */
  readonly flags: string;
  readonly state: string | undefined;
}

/** Undefined where they name no trace. */
export function callerOf({ traceparent, tracestate }: IncomingHttpHeaders): Caller | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(String(traceparent)) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, flags, state: typeof tracestate === 'string' ? tracestate : undefined };
}

/** Hands the caller's trace on, or a new one that is not sampled, and records nothing. */
export const plainTracer: Tracer = {
  request(headers) {
    const caller = callerOf(headers);
    const { traceId = randomBytes(16).toString('hex'), flags = '00', state } = caller ?? {};
    return {
      traceId,
      run: (work) => work(),
      phase: () => undefined,
      call: () => ({
        headers: {
          traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`,
          ...(state !== undefined && { tracestate: state }),
        },
        end: () => undefined,
      }),
      end: () => undefined,
    };
  },
};
