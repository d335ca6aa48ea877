/** What Prometheus reads of the LLM endpoint behind the proxy. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Outcome } from './relay.js';

/** A reply may take as long as the limits of the upstream let it. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** `onEnd` of the route's options and `onRetry` of the upstream's. */
export interface ChatMetrics {
  readonly onEnd: (outcome: Outcome, ms: number) => void;
  readonly onRetry: () => void;
}

/** Once for a registry. */
export function chatMetrics(registry: Registry): ChatMetrics {
  const registers = [registry];
  const durations = new Histogram({
    name: 'fungi_upstream_duration_seconds',
    help: 'From the first attempt to the end of the reply of the LLM endpoint, by what became of it',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers,
  });
  const retries = new Counter({
    name: 'fungi_upstream_retries_total',
    help: 'Attempts at the LLM endpoint but the first of each call',
    registers,
  });
  return {
    onEnd: (outcome, ms) => {
      durations.labels(outcome).observe(ms / 1000);
    },
    onRetry: () => {
      retries.inc();
    },
  };
}
