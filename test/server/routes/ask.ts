/** Asks a route as the server does: each part of the request goes through its schema, then the handler runs. */
import { z } from 'zod';
import type { ErrorCode } from '../../../src/core/errors.js';
import { FungiError } from '../../../src/core/errors.js';
import type { Line, Reply, RequestContext, Route } from '../../../src/server/route.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import type { IndexCatalogue } from '../../../src/server/indexes/catalogue.js';

export interface Asked {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly lines?: readonly unknown[];
  readonly context?: Partial<RequestContext> | undefined;
}

export const routeOf = (operationId: string): Route => {
  const route = ROUTES.find((one) => one.operationId === operationId);
  if (route === undefined) throw new Error(`there is no route ${operationId}`);
  return route;
};

export const contextOf = (catalogue: IndexCatalogue, context: Partial<RequestContext> = {}): RequestContext => ({
  catalogue,
  ...{ llm: undefined, requestId: 'r', headers: {}, keyName: undefined },
  signal: new AbortController().signal,
  call: () => ({ headers: {}, end: () => undefined }),
  timing: () => undefined,
  ...context,
});

/** @throws {FungiError} what the schemas refuse as INVALID_REQUEST; what the handler throws */
export async function ask(catalogue: IndexCatalogue, operationId: string, asked: Asked = {}): Promise<Reply> {
  const route = routeOf(operationId);
  return route.handle({
    path: parsed(route.pathSchema, asked.path ?? {}),
    query: parsed(route.querySchema, asked.query ?? {}),
    body: asked.lines === undefined ? parsed(route.body?.schema, asked.body) : linesOf(route, asked.lines),
    context: contextOf(catalogue, asked.context),
  });
}

/** The body of a JSON reply, which has to be what the route's document says of this status. */
export async function askJson(
  catalogue: IndexCatalogue,
  operationId: string,
  asked: Asked = {},
): Promise<Record<string, unknown>> {
  const reply = await ask(catalogue, operationId, asked);
  if (reply.kind !== 'json') throw new Error(`expected JSON, got ${reply.kind}`);
  const schema = routeOf(operationId).replies[reply.status]?.schema;
  if (!schema) throw new Error(`status ${reply.status} of ${operationId} is not in the document`);
  const body = JSON.parse(JSON.stringify(reply.body)) as Record<string, unknown>;
  schema.parse(body); // what zod makes of it lacks the keys __proto__ of its records
  return body;
}

/** All values of a reply that streams, and the error that it ended in. Each has to be what the document says. */
export async function askStream(
  catalogue: IndexCatalogue,
  operationId: string,
  asked: Asked = {},
): Promise<{ kind: Reply['kind']; values: Record<string, unknown>[]; error?: unknown }> {
  const reply = await ask(catalogue, operationId, asked);
  if (!('values' in reply)) throw new Error(`expected a stream, got ${reply.kind}`);
  const schema = routeOf(operationId).replies[200]?.streamed?.schema;
  const values: Record<string, unknown>[] = [];
  try {
    for await (const value of reply.values) values.push(schema?.parse(value) as Record<string, unknown>);
  } catch (error) {
    if (error instanceof z.ZodError) throw error;
    return { kind: reply.kind, values, error };
  }
  return { kind: reply.kind, values };
}

/** What `work` is refused with. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await work;
  } catch (error) {
    if (FungiError.is(error)) return error.code;
    throw error;
  }
  return undefined;
}

function parsed(schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return value;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new FungiError('INVALID_REQUEST', z.prettifyError(result.error));
}

async function* linesOf(route: Route, lines: readonly unknown[]): AsyncGenerator<Line, void, undefined> {
  for (const [i, value] of lines.entries()) {
    await Promise.resolve();
    try {
      yield { number: i + 1, value: parsed(route.body?.lines, value) };
    } catch (error) {
      if (!FungiError.is(error)) throw error;
      throw new FungiError(error.code, `line ${i + 1}: ${error.message}`);
    }
  }
}
