/** An error as it passes between processes. */
import { ERRORS, FungiError, type ErrorCode } from '../errors.js';

export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

export function failureOf(error: unknown): Failure {
  if (FungiError.is(error)) {
    const { code, message, hint, details } = error;
    return { code, message, hint, details: cloneable(details) };
  }
  return { code: undefined, message: String(error), hint: undefined, details: {} };
}

/** Details hold plain values; one that does not pass between processes is left out. */
const cloneable = (details: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(details)) as Record<string, unknown>;

/** The error again; one that was none of ours is RUNTIME_FAILED. */
export function errorOf({ code, message, hint, details }: Failure): FungiError {
  const known = code !== undefined && code in ERRORS ? code : 'RUNTIME_FAILED';
  return new FungiError(known, message, { ...(hint !== undefined && { hint }), details });
}
