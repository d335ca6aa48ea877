/** The HTTP server as an Express app, apart from listening: routes as data become routes that are served. */
import express, {
  type ErrorRequestHandler,
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import { FungiError } from '../core/errors.js';
import type { LlmClient } from '../llm/client.js';
import { Exchange } from './http/exchange.js';
import { Lifecycle } from './http/lifecycle.js';
import { HTTP_LIMITS, type HttpLimits } from './http/limits.js';
import type { Log } from './http/log.js';
import { observe } from './http/observe.js';
import { limitRequests } from './http/rate-limit.js';
import { sendFailure } from './http/send-failure.js';
import { serveRoute } from './http/serve-route.js';
import type { IndexCatalogue } from './indexes/catalogue.js';
import { authenticate } from './keys/authenticate.js';
import { FailureThrottle } from './keys/failure-throttle.js';
import type { KeyRing } from './keys/key-ring.js';
import { openApiDocument } from './openapi/document.js';
import { measureHealth } from './operations/health-metrics.js';
import { createMetrics, measureIndexes, type ServerMetrics } from './operations/metrics.js';
import { operationRoutes } from './operations/routes.js';
import { OPERATIONS } from './operations/operations.js';
import { measureReadiness } from './operations/readiness.js';
import type { Route, RouteDescription } from './route.js';
import { plainTracer, type Tracer } from './tracing/trace.js';

export interface AppOptions {
  readonly routes: readonly Route[];
  readonly catalogue: IndexCatalogue;
  /** Without it examples vote. */
  readonly llm?: LlmClient | undefined;
  /** Undefined: no key is asked for. Then listen on the loopback only. */
  readonly keys: KeyRing | undefined;
  readonly limits?: Partial<HttpLimits>;
  readonly log: Log;
  readonly metrics?: ServerMetrics;
  /** What is told of requests and the parts of their work. @default nothing; a caller's trace is handed on */
  readonly tracer?: Tracer;
  /** Metrics are served elsewhere: /metrics is no path here. @default false */
  readonly metricsElsewhere?: boolean;
  /** Shared with {@link listen}, which ends it. */
  readonly lifecycle?: Lifecycle;
  /** Which proxies' X-Forwarded-For is believed, as Express has it. @default none */
  readonly trustProxy?: string | number | boolean;
  /** Monotonic, milliseconds. */
  readonly clock?: () => number;
}

export function createApp(options: AppOptions): Express {
  const { routes, catalogue, llm, keys, log, tracer = plainTracer } = options;
  const { trustProxy = false, metricsElsewhere = false } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const { metrics = createMetrics(), lifecycle = new Lifecycle(), clock = () => performance.now() } = options;
  measureIndexes(metrics, catalogue);
  measureHealth(metrics, catalogue);
  measureReadiness(metrics, { lifecycle, catalogue });
  const isHere = ({ path }: RouteDescription): boolean => !metricsElsewhere || path !== OPERATIONS.metrics.path;
  const described = [...routes, ...Object.values(OPERATIONS).filter(isHere)];
  const operations = operationRoutes({ metrics, lifecycle, document: openApiDocument(described) }).filter(isHere);
  const throttle = new FailureThrottle(limits.failedKeysPerMinute, clock);
  const limiter = limitRequests(limits);
  const guards = (route: RouteDescription): RequestHandler[] =>
    route.scope === null ? [matched(route)] : [matched(route), authenticate(route.scope, keys, throttle), limiter];

  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('trust proxy', trustProxy);
  app.enable('case sensitive routing').enable('strict routing');
  app.use(observe({ log, metrics, lifecycle, limits, tracer, clock }));
  app.use(secured());
  for (const route of [...routes, ...operations]) {
    app[route.method](expressPath(route), ...guards(route), serveRoute(route, { catalogue, llm, limits }));
  }
  // A path that is written out speaks for itself, though another with a parameter matches it too.
  const isOpen = ([path]: readonly [string, unknown]): number => Number(/:\w+$/.test(path));
  const paths = [...byPath(described)].sort((a, b) => isOpen(a) - isOpen(b));
  for (const [path, sharing] of paths) app.all(path, refuseMethod(sharing));
  app.use(() => {
    throw new FungiError('ROUTE_NOT_FOUND', 'there is no such path', { hint: 'See /docs, or /openapi.json.' });
  });
  app.use(failed);
  return withoutDefaultPages(app, clock);
}

/** Express answers by itself, in HTML, where it finds no path in the address or an error is thrown behind all handlers. */
function withoutDefaultPages(app: Express, clock: () => number): Express {
  const inner = app as unknown as { handle: (request: Request, response: Response, done?: NextFunction) => void };
  const handle = inner.handle.bind(app);
  inner.handle = (request, response, done) => {
    const last = (error?: unknown): void => {
      const unread = new FungiError('INVALID_REQUEST', 'the address of the request cannot be read');
      if (!Exchange.has(request)) new Exchange(request, clock);
      void sendFailure(error ?? unread, request, response);
    };
    handle(request, response, done ?? last);
  };
  return app;
}

function byPath(routes: readonly RouteDescription[]): Map<string, RouteDescription[]> {
  const groups = new Map<string, RouteDescription[]>();
  for (const route of routes) {
    const path = expressPath(route);
    groups.set(path, [...(groups.get(path) ?? []), route]);
  }
  return groups;
}

/** Nothing here is meant to be shown in a browser but /docs, which has a policy of its own. */
function secured(): RequestHandler {
  const none = ["'none'"];
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: none, frameAncestors: none, baseUri: none, formAction: none },
    },
    xFrameOptions: { action: 'deny' },
    // Whoever ends TLS decides on this for the whole domain.
    strictTransportSecurity: false,
  });
}

/** `/v1/indexes/{name}` → `/v1/indexes/:name` */
function expressPath({ path }: RouteDescription): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function matched(route: RouteDescription): RequestHandler {
  return (request, _response, next) => {
    Exchange.of(request).route = route;
    next();
  };
}

function refuseMethod(sharing: readonly RouteDescription[]): RequestHandler {
  const methods = sharing.map(({ method }) => method.toUpperCase());
  const allowed = [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].join(', ');
  return (request, response) => {
    const [route] = sharing;
    Exchange.of(request).route ??= route;
    response.setHeader('Allow', allowed);
    throw new FungiError('METHOD_NOT_ALLOWED', `the path does not take ${request.method}`, {
      hint: `It takes ${allowed}.`,
    });
  };
}

// Express knows it by its four parameters.
const failed: ErrorRequestHandler = (error, request, response, next) => {
  sendFailure(error, request, response).catch(next);
};
