/**
 * Every error a caller can act on: one class, one table. The CLI's exit code and the server's HTTP status both come from
 * {@link ERRORS}, so a code means the same wherever it surfaces.
 */

interface ErrorKind {
  /** HTTP status a server answers with. */
  readonly http: number;
  /** Process exit code of the CLI (2 usage, 3 data, 4 model, 5 index, 6 network or LLM, 1 anything else). */
  readonly exit: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
}

const kind = (http: number, exit: number, retryable = false): ErrorKind => ({ http, exit, retryable });

export const ERRORS = {
  /** An argument, option or setting is outside what the call takes. */
  INVALID_ARGUMENT: kind(400, 2),
  /** A text cannot be encoded: empty, or not well-formed Unicode. */
  INVALID_TEXT: kind(422, 3),
  /** An image or a sound cannot be read: damaged, too large, or of no format that is known. */
  INVALID_MEDIA: kind(422, 3),
  /** A data file cannot be read as labelled examples. */
  INVALID_DATA: kind(422, 3),
  /** A file the user named does not exist or cannot be read. */
  FILE_NOT_FOUND: kind(404, 3),
  /** No source (folder, cache, hub, package index) has the model. */
  MODEL_NOT_FOUND: kind(404, 4),
  /** The model's files are damaged, incomplete or not what their digest says. */
  MODEL_CORRUPT: kind(500, 4),
  /** The model is readable but its architecture or format is not one we can differentiate. */
  MODEL_UNSUPPORTED: kind(422, 4),
  /** The graph holds an operator without a derivative rule. */
  OP_UNSUPPORTED: kind(422, 4),
  /** No layer of the graph qualifies as gradient source, or the named one does not exist. */
  TARGET_NOT_FOUND: kind(422, 4),
  /** The tokenizer does not belong to the model, or cannot be read. */
  TOKENIZER_INVALID: kind(422, 4),
  /** The requested execution provider is not available in this installation. */
  PROVIDER_UNAVAILABLE: kind(503, 4),
  /** The native runtime failed while computing. */
  RUNTIME_FAILED: kind(500, 4),
  /** No index of that name. */
  INDEX_NOT_FOUND: kind(404, 5),
  /** The index has no example of that id. */
  EXAMPLE_NOT_FOUND: kind(404, 5),
  /** An index of that name exists already, built from other data or settings. */
  INDEX_EXISTS: kind(409, 5),
  /** The index was made with another model or other settings than asked for. */
  INDEX_MISMATCH: kind(409, 5),
  /** Files of the index are missing, truncated or changed. */
  INDEX_CORRUPT: kind(503, 5),
  /** Another process is writing the index. */
  INDEX_LOCKED: kind(423, 5, true),
  /** A feature vector is not finite or has the wrong length: nothing was stored. */
  INVALID_VECTOR: kind(422, 5),
  /** The disk refused: full, read-only, not permitted, too many open files. What was there before is intact. */
  STORAGE_FAILED: kind(507, 5),
  /** A prompt template does not parse, or names an unknown variable. */
  TEMPLATE_INVALID: kind(422, 2),
  /** A download failed; what had arrived is kept for the next try. */
  DOWNLOAD_FAILED: kind(502, 6, true),
  /** The LLM endpoint could not be reached in time. */
  LLM_UNREACHABLE: kind(502, 6, true),
  /** The LLM endpoint kept answering 429. */
  LLM_RATE_LIMITED: kind(429, 6, true),
  /** The LLM endpoint refused the request. */
  LLM_FAILED: kind(502, 6),
  /** A cap of the user's own, on calls or on cost, allows no further request. */
  BUDGET_REACHED: kind(402, 6),
  /** The caller aborted the work. */
  ABORTED: kind(499, 130),
  /** The work did not end within the time that the caller or the server gives it. */
  DEADLINE_EXCEEDED: kind(504, 1, true),
  /** A model process died or hung while it computed this; it is started again. */
  WORKER_FAILED: kind(503, 1, true),
  /** A model process died of this item more than once: it is kept away for a while. */
  ITEM_QUARANTINED: kind(422, 3),
  /** More work is waiting than can be done in time. */
  OVERLOADED: kind(503, 1, true),
  /** The server is starting, stopping, or lacks something it needs. */
  NOT_READY: kind(503, 1, true),
  /** No API key, or one that is not known. */
  UNAUTHENTICATED: kind(401, 2),
  /** The API key's scope does not allow this. */
  FORBIDDEN: kind(403, 2),
  /** More requests than the key may make. */
  RATE_LIMITED: kind(429, 6, true),
  /** A request's body is not what its route reads: broken JSON, another type's member, unknown members. */
  INVALID_REQUEST: kind(400, 2),
  /** A request did not arrive within the time that the server waits for it. */
  REQUEST_TIMEOUT: kind(408, 1, true),
  /** A request's body or header section is larger than its route reads. */
  REQUEST_TOO_LARGE: kind(413, 2),
  /** A request's body is of a media type, charset or coding that its route does not read. */
  UNSUPPORTED_MEDIA_TYPE: kind(415, 2),
  /** The server has no such path. */
  ROUTE_NOT_FOUND: kind(404, 2),
  /** The path is there, and does not take this method. */
  METHOD_NOT_ALLOWED: kind(405, 2),
  /** The idempotency key was used with another body. */
  IDEMPOTENCY_CONFLICT: kind(409, 2),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface FungiErrorOptions {
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  /** The values behind the message: the input, the limit, what was found. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * An error with a stable {@link ErrorCode}. The message names the input and the limit; `hint` names the way out.
 *
 * @example
 * try { await FungiSelector.open({ name: 'bank' }) } catch (error) {
 *   if (FungiError.is(error, 'INDEX_NOT_FOUND')) await build();
 * }
 */
export class FungiError extends Error {
  override readonly name = 'FungiError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: FungiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  get httpStatus(): number {
    return ERRORS[this.code].http;
  }

  /** {@link httpStatus}, where Express's own error handler looks for it. */
  get status(): number {
    return this.httpStatus;
  }

  /** {@link httpStatus}, where other HTTP frameworks look for it. */
  get statusCode(): number {
    return this.httpStatus;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** Whether `error` is a FungiError, of this code when one is given. Works across copies of the package. */
  static is(error: unknown, code?: ErrorCode): error is FungiError {
    const candidate = error as Partial<FungiError> | null | undefined;
    return candidate?.name === 'FungiError' && (code === undefined || candidate.code === code);
  }
}
