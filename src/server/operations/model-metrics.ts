/** What Prometheus reads of the model processes and what waits for them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { FeatureCache } from '../../workers/feature-cache.js';
import type { ModelPool, PoolObserver } from '../../workers/model-pool.js';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const TOKENS = [16, 64, 256, 1024, 4096, 8192, 16_384];

interface Watched {
  readonly pool: Pick<ModelPool, 'waiting' | 'pids'>;
  readonly cache: Pick<FeatureCache, 'hits'>;
}

export interface ModelMetrics {
  readonly observer: PoolObserver;
  /** Reads depths and hits off these whenever metrics are read. */
  watch(of: Watched): void;
}

export function modelMetrics(registry: Registry): ModelMetrics {
  const registers = [registry];
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const size = histogram('fungi_batch_size', 'Items of a run', COUNTS);
  const tokens = histogram('fungi_batch_tokens', 'Tokens of a run, about', TOKENS);
  const infer = histogram('fungi_inference_duration_seconds', 'Computing a run, in the model process', SECONDS);
  const restarts = counter('fungi_worker_restarts_total', 'Model processes that took the place of one that died');
  const lethal = counter('fungi_items_quarantined_total', 'Items that model processes died of');
  const sheds = new Counter({
    name: 'fungi_queue_shed_total',
    help: 'Items refused since too much waits: full, or late',
    labelNames: ['reason'],
    registers,
  });
  return {
    observer: {
      batch: (run) => {
        size.observe(run.items);
        tokens.observe(run.tokens);
        infer.observe(run.inferMs / 1000);
      },
      shed: (reason) => {
        sheds.labels(reason).inc();
      },
      restart: () => {
        restarts.inc();
      },
      quarantined: () => {
        lethal.inc();
      },
    },
    watch: ({ pool, cache }) => {
      const gauge = (name: string, help: string, read: () => number): void => {
        new Gauge({
          ...{ name, help, registers },
          collect() {
            this.set(read());
          },
        });
      };
      gauge('fungi_queue_depth', 'Items that wait for a model process', () => pool.waiting.items);
      gauge('fungi_queue_tokens', 'Their tokens, about', () => pool.waiting.tokens);
      gauge('fungi_workers', 'Model processes that run', () => pool.pids.length);
      let seen = 0;
      new Counter({
        name: 'fungi_cache_hits_total',
        help: 'Features found in memory',
        registers,
        collect() {
          this.inc(cache.hits - seen);
          seen = cache.hits;
        },
      });
    },
  };
}
