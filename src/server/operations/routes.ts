/** The work behind {@link OPERATIONS}. */
import type { Lifecycle } from '../http/lifecycle.js';
import { documentPage } from '../openapi/page.js';
import type { OpenApiDocument } from '../openapi/document.js';
import type { Reply, RequestContext, Route } from '../route.js';
import type { ServerMetrics } from './metrics.js';
import { OPERATIONS } from './operations.js';
import { readinessOf } from './readiness.js';

const RETRY_AFTER_SECONDS = '5';

export interface Operated {
  readonly metrics: ServerMetrics;
  readonly lifecycle: Lifecycle;
  readonly document: OpenApiDocument;
}

export function operationRoutes({ metrics, lifecycle, document }: Operated): Route[] {
  const readiness = async ({ context }: { context: RequestContext }): Promise<Reply> => {
    const { status, takesTraffic, reasons } = await readinessOf({ lifecycle, catalogue: context.catalogue });
    const body = { status, reasons: reasons.map(({ part, reason, impact }) => ({ part, reason, impact })) };
    if (takesTraffic) return { kind: 'json', status: 200, body };
    const headers = { 'Retry-After': RETRY_AFTER_SECONDS, 'Retry-After-Ms': `${RETRY_AFTER_SECONDS}000` };
    return { kind: 'json', status: 503, body, headers };
  };
  const page = documentPage(document);
  return [
    { ...OPERATIONS.live, handle: () => Promise.resolve({ kind: 'json', status: 200, body: { status: 'ok' } }) },
    { ...OPERATIONS.ready, handle: readiness },
    { ...OPERATIONS.healthz, handle: readiness },
    { ...OPERATIONS.health, handle: readiness },
    {
      ...OPERATIONS.metrics,
      handle: async () => {
        const body = await metrics.registry.metrics();
        return { kind: 'text', status: 200, type: metrics.registry.contentType, body };
      },
    },
    { ...OPERATIONS.document, handle: () => Promise.resolve({ kind: 'json', status: 200, body: document }) },
    {
      ...OPERATIONS.page,
      handle: () =>
        Promise.resolve({
          kind: 'text',
          status: 200,
          type: 'text/html; charset=utf-8',
          body: page.html,
          headers: { 'Content-Security-Policy': page.contentSecurityPolicy },
        }),
    },
  ];
}
