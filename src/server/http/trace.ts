/** W3C trace context: which trace a request belongs to. */
import { randomBytes } from 'node:crypto';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

export interface Trace {
  readonly traceId: string;
  /** For requests made on behalf of this one: the same trace, below a span of this server's own. */
  readonly traceparent: string;
}

/** The caller's trace where `header` names one, else a new one that is not sampled. */
export function traceOf(header: string | undefined): Trace {
  const [, traceId = randomBytes(16).toString('hex'), , flags = '00'] = TRACEPARENT.exec(header ?? '') ?? [];
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}` };
}
