/** Runs a route: reads what it reads, calls it, writes what it replies. */
import type { Request, RequestHandler } from 'express';
import type { LlmClient } from '../../llm/client.js';
import type { IndexCatalogue } from '../indexes/catalogue.js';
import { BODY_BYTES, type RequestContext, type Route, type RouteDescription } from '../route.js';
import { Exchange } from './exchange.js';
import { checked } from './fault.js';
import type { HttpLimits } from './limits.js';
import { JSON_TYPE, LINES_TYPE, mediaTypeOf } from './media-type.js';
import { parseQuery } from './query-text.js';
import { readJson } from './read-json.js';
import { readLines } from './read-lines.js';
import { sendReply } from './send-reply.js';

export interface RouteServices {
  readonly catalogue: IndexCatalogue;
  readonly llm: LlmClient | undefined;
  readonly limits: HttpLimits;
}

export function serveRoute(route: Route, services: RouteServices): RequestHandler {
  const { limits } = services;
  return async (request, response) => {
    const exchange = Exchange.of(request);
    const path = route.pathSchema === undefined ? {} : checked(route.pathSchema, request.params, 'path');
    const query =
      route.querySchema === undefined ? {} : checked(route.querySchema, parseQuery(queryTextOf(request)), 'query');
    const body = await readBody(route, request, exchange, limits);
    if (!exchange.readsOn) exchange.setDeadline(route.deadlineMs ?? limits.deadlineMs);
    const context = contextOf(request, services);
    const reply = await exchange.orAborted(route.handle({ path, query, body, context }));
    await sendReply(reply, response, exchange, limits);
  };
}

/** What a handler has beside the parts of the request. */
function contextOf(request: Request, { catalogue, llm }: Omit<RouteServices, 'limits'>): RequestContext {
  const exchange = Exchange.of(request);
  return {
    catalogue,
    llm,
    requestId: exchange.requestId,
    headers: request.headers,
    keyName: exchange.keyName,
    signal: exchange.signal,
    call: (model) => exchange.trace.call(model),
    timing: (name, ms) => {
      exchange.timing(name, ms);
    },
  };
}

/** @returns undefined for a route without a body, whatever came with the request */
async function readBody(
  { body }: RouteDescription,
  request: Request,
  exchange: Exchange,
  { bodyMs }: HttpLimits,
): Promise<unknown> {
  if (body === undefined) return undefined;
  const accepted = body.lines === undefined ? [JSON_TYPE] : [JSON_TYPE, LINES_TYPE];
  if (body.lines !== undefined && mediaTypeOf(request.headers, accepted) === LINES_TYPE) {
    exchange.readsOn = true;
    return readLines(request, body.lines, bodyMs);
  }
  if (body.optional === true && isBodiless(request)) return checked(body.schema, {}, 'body');
  mediaTypeOf(request.headers, accepted);
  const value = await readJson(request, { maxBytes: BODY_BYTES[body.size], ms: bodyMs });
  return checked(body.schema, value, 'body');
}

/** Whether a request says that nothing follows its head. */
const isBodiless = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;

function queryTextOf({ url }: Request): string | undefined {
  const mark = url.indexOf('?');
  return mark === -1 ? undefined : url.slice(mark + 1);
}
