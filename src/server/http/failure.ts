/** What a client is told of an error: one reading of it, two ways to write it down. */
import { ERRORS, FungiError, type ErrorCode } from '../../core/errors.js';
import type { Fault } from './fault.js';

export interface Failure {
  readonly status: number;
  /** Of the error table; INTERNAL for what nobody foresaw. */
  readonly code: ErrorCode | 'INTERNAL';
  readonly message: string;
  readonly hint: string | undefined;
  readonly faults: readonly Fault[];
  /** How far a body of lines got: the line that is wrong, and up to which all are stored. */
  readonly progress: Readonly<Record<string, number>>;
  readonly retryable: boolean;
  /** How long to wait, where the status asks for it. */
  readonly retryAfterMs: number | undefined;
}

export const INTERNAL_STATUS = 500;

/** Where an error does not say how long to wait. */
const WAIT_MS: Partial<Record<ErrorCode, number>> = { NOT_READY: 5000, INDEX_CORRUPT: 60_000, LLM_RATE_LIMITED: 5000 };
const DEFAULT_WAIT_MS = 1000;
/** What the server refuses on purpose: nothing is broken, and a log of each with its stack would be one more load on top of the load. */
const REFUSALS: ReadonlySet<string> = new Set<ErrorCode>(['OVERLOADED', 'NOT_READY']);
const PROGRESS = ['line', 'acknowledged'];

/** @returns what a client may know: of an error that nobody foresaw, only that there was one */
export function failureOf(error: unknown): Failure {
  const known = asKnown(error);
  if (known === undefined) {
    return {
      status: INTERNAL_STATUS,
      code: 'INTERNAL',
      message: 'the server failed at this request; its log has the cause under the request id',
      hint: 'If it happens again, report it with the request id.',
      faults: [],
      progress: {},
      retryable: false,
      retryAfterMs: undefined,
    };
  }
  const { code, message, hint, details } = known;
  const { http: status, retryable } = ERRORS[code];
  const said = details['retryAfterMs'];
  const waits = status === 429 || status === 503 || (retryable && status < 500 && status !== 408);
  return {
    status,
    code,
    message,
    hint,
    faults: Array.isArray(details['faults']) ? (details['faults'] as Fault[]) : [],
    progress: Object.fromEntries(
      PROGRESS.flatMap((name) => (typeof details[name] === 'number' ? [[name, details[name]]] : [])),
    ),
    retryable,
    retryAfterMs: waits ? (typeof said === 'number' ? said : (WAIT_MS[code] ?? DEFAULT_WAIT_MS)) : undefined,
  };
}

/** Whether something is wrong with the server, so that its log should have the cause. */
export const isFault = ({ status, code }: Failure): boolean => status >= INTERNAL_STATUS && !REFUSALS.has(code);

/** Errors of the path's decoding come from Express, with a status and no code. */
function asKnown(error: unknown): FungiError | undefined {
  if (FungiError.is(error)) return error.code in ERRORS ? error : undefined;
  if (error instanceof URIError) {
    return new FungiError('INVALID_REQUEST', 'the path holds a % that is not followed by two digits of UTF-8', {
      hint: 'Percent-encode the path.',
    });
  }
  return undefined;
}

/** Headers that tell clients whether and when to try again; OpenAI's read the last two. */
export function retryHeaders({ status, retryable, retryAfterMs }: Failure): Record<string, string> {
  if (retryAfterMs !== undefined) {
    return {
      'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
      'Retry-After-Ms': String(Math.ceil(retryAfterMs)),
      'X-Should-Retry': String(retryable),
    };
  }
  // Clients retry these by themselves.
  const tempting = status === 408 || status === 409 || status >= 500;
  return tempting ? { 'X-Should-Retry': String(retryable) } : {};
}

/** "Invalid request" */
export function titleOf(code: Failure['code']): string {
  const words = code.toLowerCase().replaceAll('_', ' ').replace('llm', 'LLM');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A problem of RFC 9457. */
export function problemOf(failure: Failure, requestId: string): Record<string, unknown> {
  const { code, status, message, hint, faults, progress } = failure;
  return {
    type: `urn:fungi-icl:error:${code}`,
    title: titleOf(code),
    status,
    detail: message,
    instance: `urn:fungi-icl:request:${requestId}`,
    code,
    requestId,
    ...(hint !== undefined && { hint }),
    ...(faults.length > 0 && { errors: faults }),
    ...progress,
  };
}

/** As OpenAI's clients read it: all four members are always there. */
export function openAiErrorOf({ code, status, message, hint, faults: [fault] }: Failure): { error: object } {
  const sentence = hint === undefined ? message : `${message}. ${hint}`;
  const param = fault?.pointer?.replace(/^#\//, '').replaceAll('/', '.') ?? fault?.parameter ?? null;
  return { error: { message: sentence, type: openAiType(status), param: param === '#' ? null : param, code } };
}

function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
