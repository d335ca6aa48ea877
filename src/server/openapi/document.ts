/** The OpenAPI document, made of the routes: it cannot say anything else than what is served. */
import { LIBRARY_VERSION } from '../../core/version.js';
import { z } from 'zod';
import { JSON_TYPE, LINES_TYPE } from '../http/media-type.js';
import { BODY_BYTES, LINE_BYTES, type RouteDescription } from '../route.js';
import { documentSchema, type JsonSchema } from './schemas.js';
import { failureStatuses } from './statuses.js';

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly description: string; readonly content: Content };
  readonly responses: Readonly<Record<string, DocumentedReply>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: JsonSchema;
  readonly description?: string;
}

export interface DocumentedReply {
  readonly description: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content?: Content;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

const TAGS: Readonly<Record<RouteDescription['tag'], string>> = {
  indexes: 'Build, describe and remove indexes',
  examples: 'Add, replace and remove the examples of an index',
  selection: 'Find examples for a query; prompts and answers with them',
  openai: 'As OpenAI has them: for clients made for it',
  operations: 'For those who run the server',
};

const FAULT = z.object({
  pointer: z.string().optional(),
  parameter: z.string().optional(),
  detail: z.string(),
});
const PROBLEM = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  requestId: z.string(),
  hint: z.string().optional(),
  errors: z.array(FAULT).optional(),
  line: z.int().optional().meta({ description: 'Of a body of lines: the one that is wrong' }),
  acknowledged: z.int().optional().meta({ description: 'Of a body of lines: so many are stored' }),
});
const OPENAI_ERROR = z.object({
  error: z.object({
    message: z.string(),
    type: z.string().meta({
      description:
        'invalid_request_error, authentication_error, permission_error, rate_limit_error or server_error; of an error of the LLM endpoint its own.',
    }),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

const HEADERS = {
  'X-Request-Id': { description: 'The one that was sent, or a new one', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds to wait; Retry-After-Ms has milliseconds', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: 'How to send a key', schema: { type: 'string' } },
  'Server-Timing': { description: 'Where the time went, milliseconds', schema: { type: 'string' } },
} as const;

const SECURITY = [{ bearer: [] }, { apiKey: [] }];

export function openApiDocument(routes: readonly RouteDescription[]): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {};
  schemas['Problem'] = documentSchema(PROBLEM, 'output', 'Problem', schemas);
  schemas['OpenAiError'] = documentSchema(OPENAI_ERROR, 'output', 'OpenAiError', schemas);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operationOf(route, schemas);
  const used = new Set(routes.map(({ tag }) => tag));
  return {
    openapi: '3.1.0',
    info: {
      title: 'fungi-icl',
      version: LIBRARY_VERSION,
      description:
        'In-context examples for LLM prompts, chosen by self-supervised gradient features. Lengths of strings are in UTF-16 code units: ' +
        'a character beyond U+FFFF counts as two. Bodies that nest deeper than 64 levels, give a key twice or hold the key __proto__ are refused.',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name as RouteDescription['tag']))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      headers: HEADERS,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key. Servers without keys ask for none.' },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'The same keys, for clients that cannot send a bearer.',
        },
      },
    },
  };
}

function operationOf(route: RouteDescription, schemas: Record<string, JsonSchema>): Operation {
  const { operationId, tag, summary, scope, pathSchema, querySchema, headerSchema, body } = route;
  const name = operationId.charAt(0).toUpperCase() + operationId.slice(1);
  const parameters = [
    ...parametersOf('path', pathSchema, `${name}Path`, schemas),
    ...parametersOf('query', querySchema, `${name}Query`, schemas),
    ...parametersOf('header', headerSchema, `${name}Header`, schemas),
  ];
  return {
    operationId,
    tags: [tag],
    summary,
    ...(scope !== null && { description: `Where the server has keys: one of scope ${scope}.` }),
    security: scope === null ? [] : SECURITY,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: body.optional !== true,
        description:
          `At most ${BODY_BYTES[body.size]} bytes, after inflation where it is sent as gzip.` +
          (body.lines === undefined ? '' : ` As ${LINES_TYPE} without end, ${LINE_BYTES} bytes a line.`),
        content: {
          [JSON_TYPE]: { schema: documentSchema(body.schema, 'input', `${name}Request`, schemas) },
          ...(body.lines !== undefined && {
            [LINES_TYPE]: { schema: documentSchema(body.lines, 'input', `${name}Line`, schemas) },
          }),
        },
      },
    }),
    responses: repliesOf(route, name, schemas),
  };
}

function parametersOf(
  place: Parameter['in'],
  schema: z.ZodType | undefined,
  name: string,
  schemas: Record<string, JsonSchema>,
): Parameter[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = documentSchema(schema, 'input', name, schemas) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([key, { description, ...rest }]) => ({
    name: key,
    in: place,
    required: place === 'path' || required.includes(key),
    schema: rest,
    ...(typeof description === 'string' && { description }),
  }));
}

function repliesOf(
  route: RouteDescription,
  name: string,
  schemas: Record<string, JsonSchema>,
): Record<string, DocumentedReply> {
  const ref = (...headers: (keyof typeof HEADERS)[]): Record<string, unknown> =>
    Object.fromEntries(headers.map((header) => [header, { $ref: `#/components/headers/${header}` }]));
  const replies: Record<string, DocumentedReply> = {};
  const [type, schema] =
    route.errors === 'openai' ? [JSON_TYPE, 'OpenAiError'] : ['application/problem+json', 'Problem'];
  for (const [status, { description, type = JSON_TYPE, schema: whole, streamed, headers: own = {} }] of Object.entries(
    route.replies,
  )) {
    const made = (of: z.ZodType, suffix = ''): JsonSchema =>
      documentSchema(of, 'output', `${name}Reply${status}${suffix}`, schemas);
    replies[status] = {
      description,
      headers: { ...ref('X-Request-Id', 'Server-Timing'), ...ownHeaders(own) },
      ...(whole !== null && {
        content: {
          [type]: { schema: made(whole) },
          ...(streamed && {
            [streamed.type]: { schema: partSchema(streamed.type, made(streamed.schema, 'Part'), schema) },
          }),
        },
      }),
    };
  }
  const plain = ['application/problem+json', 'Problem'] as const;
  for (const [status, codes] of failureStatuses(route)) {
    const headers = ref(
      ...(status === 431 ? [] : (['X-Request-Id'] as const)),
      ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
      ...(status === 401 || status === 403 ? (['WWW-Authenticate'] as const) : []),
    );
    const [mediaType, errorSchema] = status === 431 ? plain : [type, schema];
    const before = replies[status];
    replies[status] = {
      description: [before?.description, codes.length === 0 ? 'A fault of the server' : codes.join(', ')]
        .filter((part) => part !== undefined)
        .join('. '),
      headers: { ...before?.headers, ...headers },
      content: { ...before?.content, [mediaType]: { schema: { $ref: `#/components/schemas/${errorSchema}` } } },
    };
  }
  return replies;
}

const ownHeaders = (headers: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  );

/** What one event, or line, is: OpenAPI 3.1 has no other place for the parts of a stream. One that fails ends in its error. */
function partSchema(type: string, value: JsonSchema, error: string): JsonSchema {
  const failure = { $ref: `#/components/schemas/${error}` };
  if (type === LINES_TYPE) {
    const line = { type: 'object', properties: { error: failure }, required: ['error'], additionalProperties: false };
    return { description: 'A line; the last holds the error where there is one.', anyOf: [value, line] };
  }
  const data =
    value['type'] === 'string'
      ? value
      : { type: 'string', contentMediaType: JSON_TYPE, contentSchema: { anyOf: [value, failure] } };
  return {
    description: 'An event; the last holds the error where there is one.',
    type: 'object',
    properties: { event: { type: 'string' }, data },
    required: ['data'],
  };
}
