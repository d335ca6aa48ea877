/** What Prometheus reads. Labels are route templates, names of the error table and the like: no client can add to them. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { LIBRARY_VERSION } from '../../core/version.js';
import type { IndexCatalogue } from '../indexes/catalogue.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Indexes with a series of their own; the others are one. */
const MAX_INDEXES = 100;
const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface ServerMetrics {
  /** Others enter what they count themselves. */
  readonly registry: Registry;
  readonly inFlight: Gauge;
  /** @param route template of the path; undefined where none matched */
  observe(request: { method: string; route: string | undefined; status: number; ms: number }): void;
  /** What the first of a request's items in a run had waited. */
  waited(route: string | undefined, ms: number): void;
  /** @param reason code of the error that it was turned away with */
  shed(reason: string): void;
}

export function createMetrics(registry = new Registry()): ServerMetrics {
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the request line read to the last byte of the reply given to the kernel',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const inFlight = new Gauge({ name: 'http_requests_in_flight', help: 'Requests under way', registers });
  const waits = new Histogram({
    name: 'fungi_queue_wait_seconds',
    help: 'What the first item of a request in a run had waited, by the route of the request',
    labelNames: ['route'],
    buckets: [0.001, ...SECONDS],
    registers,
  });
  const sheds = new Counter({
    name: 'fungi_requests_shed_total',
    help: 'Requests turned away unread or unfinished with 429 or 503, by error code',
    labelNames: ['reason'],
    registers,
  });
  new Gauge({ name: 'fungi_build_info', help: 'Always 1', labelNames: ['version', 'node'], registers })
    .labels(LIBRARY_VERSION, process.version)
    .set(1);
  return {
    registry,
    inFlight,
    observe: ({ method, route = 'unmatched', status, ms }) => {
      durations.labels(METHODS.has(method) ? method : 'other', route, String(status)).observe(ms / 1000);
    },
    waited: (route = 'unmatched', ms) => {
      waits.labels(route).observe(ms / 1000);
    },
    shed: (reason) => {
      sheds.labels(reason).inc();
    },
  };
}

/** Adds `fungi_index_rows`, read from the catalogue when the metrics are. */
export function measureIndexes(metrics: ServerMetrics, catalogue: Pick<IndexCatalogue, 'list'>): void {
  new Gauge({
    name: 'fungi_index_rows',
    help: 'Examples in each open index',
    labelNames: ['index'],
    registers: [metrics.registry],
    async collect() {
      this.reset();
      const ready = (await catalogue.list()).filter((one) => one.state === 'ready');
      ready.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const { name, rows } of ready.slice(0, MAX_INDEXES)) this.labels(name).set(rows);
      const others = ready.slice(MAX_INDEXES);
      // No index has a name of capitals.
      if (others.length > 0) this.labels('OTHERS').set(others.reduce((sum, { rows }) => sum + rows, 0));
    },
  });
}
