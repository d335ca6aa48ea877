/** Routes for those who run the server. All but the metrics are open: they tell nothing of what is in the indexes. */
import { z } from 'zod';
import type { RouteDescription } from '../route.js';
import { READINESS } from './readiness.js';

const HEALTH = z.strictObject({ status: z.literal('ok') });
const [, ...IMPACTS] = READINESS;
const READINESS_BODY = z.strictObject({
  status: z.enum(READINESS).meta({ description: 'The worst impact of the reasons; ready where there are none.' }),
  reasons: z.array(z.strictObject({ part: z.string(), reason: z.string(), impact: z.enum(IMPACTS) })),
});

const described = (
  operationId: string,
  path: string,
  summary: string,
  replies: RouteDescription['replies'],
  scope: RouteDescription['scope'] = null,
): RouteDescription => ({
  method: 'get',
  path,
  operationId,
  tag: 'operations',
  summary,
  scope,
  errors: 'problem',
  replies,
  failures: [],
});

const readiness = (operationId: string, path: string, summary: string): RouteDescription =>
  described(operationId, path, summary, {
    200: { description: 'Ready, or degraded: what is not among the reasons is served', schema: READINESS_BODY },
    503: { description: 'Starting, or unready: what does not work yet, or no longer', schema: READINESS_BODY },
  });

export const OPERATIONS = {
  live: described('live', '/livez', 'Whether the process answers at all', {
    200: { description: 'It does', schema: HEALTH },
  }),
  ready: readiness('ready', '/readyz', 'Whether requests can be answered: send traffic only then'),
  healthz: readiness('healthz', '/healthz', 'The same as /readyz'),
  health: readiness('health', '/health', 'The same as /readyz'),
  metrics: described(
    'metrics',
    '/metrics',
    'Counts and durations for Prometheus',
    { 200: { description: 'Text exposition format', type: 'text/plain', schema: z.string() } },
    'read',
  ),
  document: described('document', '/openapi.json', 'This document', {
    200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) },
  }),
  page: described('page', '/docs', 'This document as a page', {
    200: { description: 'A page without scripts', type: 'text/html', schema: z.string() },
  }),
} as const satisfies Record<string, RouteDescription>;
