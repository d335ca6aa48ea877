/**
 * A route as data: who may call it, what it reads and what it replies. Parsing, keys, limits, errors and the OpenAPI document all come
 * from here, so that none of them can say something else than another.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { IndexCatalogue } from './indexes/catalogue.js';
import type { LlmClient } from '../llm/client.js';
import type { CallTrace } from './tracing/trace.js';

/** What an API key allows; each includes those before it. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** How large a body a route reads, bytes; what is larger is refused before it is kept. */
export const BODY_BYTES = { small: 64 * 1024, batch: 1024 * 1024, media: 20 * 1024 * 1024 } as const;
export type BodySize = keyof typeof BODY_BYTES;

/** How long a line of a newline-delimited body may be, bytes. The body itself may go on for ever. */
export const LINE_BYTES = 1024 * 1024;

/** A line of a newline-delimited body: its number, from 1, and its JSON, which the route's `lines` has checked. */
export interface Line {
  readonly number: number;
  readonly value: unknown;
}

/** What a handler has beside the parts of the request that the route names. */
export interface RequestContext {
  readonly catalogue: IndexCatalogue;
  /** Absent where the server was given no LLM: examples vote. */
  readonly llm: LlmClient | undefined;
  readonly requestId: string;
  readonly headers: IncomingHttpHeaders;
  /** Name of the key that was given; undefined where the server asks for none. Never the key itself. */
  readonly keyName: string | undefined;
  /** Fires when the client has left (reason: ABORTED) or the deadline has passed (DEADLINE_EXCEEDED). */
  readonly signal: AbortSignal;
  /** Begins a call to the LLM endpoint, which is told whose trace it is part of. @param model of the configuration */
  call(model?: string): CallTrace;
  /** Adds to the reply's Server-Timing header. Milliseconds. */
  timing(name: 'upstream', ms: number): void;
}

export type ReplyHeaders = Readonly<Record<string, string>>;

export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown; readonly headers?: ReplyHeaders }
  | { readonly kind: 'empty'; readonly status: 204; readonly headers?: ReplyHeaders }
  | {
      readonly kind: 'text';
      readonly status: number;
      /** Content-Type, with its charset. */
      readonly type: string;
      readonly body: string;
      readonly headers?: ReplyHeaders;
    }
  /** Passed on as they come, Content-Type among the headers. What `body` throws cuts the connection: a part must not pass for the whole. */
  | {
      readonly kind: 'bytes';
      readonly status: number;
      readonly body: AsyncIterable<Uint8Array>;
      readonly headers: ReplyHeaders;
    }
  /** Events, or lines of JSON. An error that `values` throws becomes the last of them, and the stream is not ended as a complete one is. */
  | {
      readonly kind: 'events' | 'lines';
      readonly values: AsyncIterable<unknown>;
      readonly headers?: ReplyHeaders;
      /** Sent behind the last event: `[DONE]`. */
      readonly terminator?: string;
    };

export interface RouteInput<Path, Query, Body> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly context: RequestContext;
}

/** What a route may reply, for the document: status → schema of the body; null for none. `type`: its media type. @default application/json */
export type Replies = Readonly<
  Record<
    number,
    {
      readonly description: string;
      readonly type?: string;
      readonly schema: z.ZodType | null;
      /** Headers beyond those of every reply: name → what its value says. */
      readonly headers?: Readonly<Record<string, string>>;
      /** The same reply value by value, where a client may ask for that: each is such an event's data, or such a line. */
      readonly streamed?: { readonly type: 'text/event-stream' | 'application/x-ndjson'; readonly schema: z.ZodType };
    }
  >
>;

export interface Route<Path = unknown, Query = unknown, Body = unknown> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** `/v1/indexes/{name}` */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'indexes' | 'examples' | 'selection' | 'openai' | 'operations';
  readonly summary: string;
  /** Null: no key is asked for. */
  readonly scope: Scope | null;
  /** Milliseconds from the whole request read to its reply, or to the first part of a stream. @default the server's */
  readonly deadlineMs?: number | undefined;
  /** How errors are written: RFC 9457, or as OpenAI's clients read them. */
  readonly errors: 'problem' | 'openai';
  readonly pathSchema?: z.ZodType<Path>;
  readonly querySchema?: z.ZodType<Query>;
  /** Headers that the handler reads by itself, for the document. */
  readonly headerSchema?: z.ZodType;
  readonly body?: {
    readonly size: BodySize;
    /** Of the whole JSON; with `lines` of each line. */
    readonly schema: z.ZodType;
    /** Whether a request without a body is one with `{}`. */
    readonly optional?: true;
    /** Also read as application/x-ndjson; the handler then gets an AsyncIterable<Line>. */
    readonly lines?: z.ZodType;
  };
  readonly replies: Replies;
  /** Codes of the error table that the handler's own work can end in; those of parsing, keys and limits are added. */
  readonly failures: readonly string[];
  handle(input: RouteInput<Path, Query, Body>): Promise<Reply>;
}

/** What is known of a route without its work: enough for keys, limits and the document. */
export type RouteDescription = Omit<Route, 'handle'>;
