/** Whether traffic should come to this server, and what of it does not work: for balancers, and for alarms. */
import { Gauge } from 'prom-client';
import type { Lifecycle } from '../http/lifecycle.js';
import type { Impairment, IndexCatalogue } from '../indexes/catalogue.js';
import type { ServerMetrics } from './metrics.js';

/** From good to bad. Traffic may come in the first two. */
export const READINESS = ['ready', 'degraded', 'starting', 'unready'] as const;

export interface Readiness {
  readonly status: (typeof READINESS)[number];
  readonly takesTraffic: boolean;
  readonly reasons: readonly Impairment[];
}

export interface Parts {
  readonly lifecycle: Pick<Lifecycle, 'draining'>;
  readonly catalogue: Pick<IndexCatalogue, 'readiness'>;
}

export async function readinessOf({ lifecycle, catalogue }: Parts): Promise<Readiness> {
  const stopping: Impairment[] = lifecycle.draining
    ? [{ part: 'server', reason: 'it is stopping', impact: 'unready' }]
    : [];
  const reasons = [...stopping, ...(await catalogue.readiness())];
  const worst = Math.max(0, ...reasons.map(({ impact }) => READINESS.indexOf(impact)));
  return { status: READINESS[worst]!, takesTraffic: worst <= READINESS.indexOf('degraded'), reasons };
}

/** Adds `fungi_ready` and `fungi_impairments`, found out when the metrics are read. */
export function measureReadiness({ registry }: ServerMetrics, parts: Parts): void {
  const registers = [registry];
  new Gauge({
    name: 'fungi_ready',
    help: '1 when /readyz says 200',
    registers,
    async collect() {
      this.set((await readinessOf(parts)).takesTraffic ? 1 : 0);
    },
  });
  new Gauge({
    name: 'fungi_impairments',
    help: 'Parts that do not work as they should, by what that means for the server',
    labelNames: ['impact'],
    registers,
    async collect() {
      const { reasons } = await readinessOf(parts);
      for (const kind of READINESS.slice(1)) {
        this.labels(kind).set(reasons.filter(({ impact }) => impact === kind).length);
      }
    },
  });
}
