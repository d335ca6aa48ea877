/** Codes that work on an index can end in, for the routes' `failures`. */
import type { ErrorCode } from '../../core/errors.js';

/** Finding an index that is open. */
export const OPENING: readonly ErrorCode[] = [
  'INDEX_NOT_FOUND',
  'INDEX_CORRUPT',
  'INDEX_MISMATCH',
  'NOT_READY',
  'STORAGE_FAILED',
];

/** Computing features of what a client sent. */
export const ENCODING: readonly ErrorCode[] = [
  'INVALID_ARGUMENT',
  'INVALID_TEXT',
  'INVALID_MEDIA',
  'RUNTIME_FAILED',
  'WORKER_FAILED',
  'ITEM_QUARANTINED',
  'OVERLOADED',
  'ABORTED',
  'DEADLINE_EXCEEDED',
];

/** Writing rows. */
export const WRITING: readonly ErrorCode[] = ['INVALID_DATA', 'INVALID_VECTOR', 'INDEX_LOCKED', 'STORAGE_FAILED'];

/** Asking the LLM. */
export const ASKING: readonly ErrorCode[] = ['LLM_UNREACHABLE', 'LLM_RATE_LIMITED', 'LLM_FAILED'];

export const codes = (...lists: readonly (readonly ErrorCode[])[]): readonly ErrorCode[] => [...new Set(lists.flat())];
