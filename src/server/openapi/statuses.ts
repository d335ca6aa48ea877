/** Which errors a route can end in, by status: its own, and those of the layers in front of it. */
import { ERRORS, type ErrorCode } from '../../core/errors.js';
import type { RouteDescription } from '../route.js';

/** @returns status → codes, in the order of the statuses. 500 has none: nobody foresees what ends in it. */
export function failureStatuses(route: RouteDescription): Map<number, readonly string[]> {
  const codes = new Set<string>(route.failures);
  const add = (...more: ErrorCode[]): void => {
    for (const code of more) codes.add(code);
  };
  add('INVALID_REQUEST', 'DEADLINE_EXCEEDED', 'NOT_READY');
  if (route.body !== undefined) add('REQUEST_TIMEOUT', 'REQUEST_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  if (route.scope !== null) add('UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED');
  const statuses = new Map<number, string[]>([[500, []]]);
  // Headers of more than 16 kB: any request's, before a route is known.
  statuses.set(431, ['REQUEST_TOO_LARGE']);
  for (const code of codes) {
    if (!(code in ERRORS)) throw new Error(`${route.operationId} names ${code}, which the error table does not have`);
    // A client that has left reads no status.
    if (code === 'ABORTED') continue;
    const status = ERRORS[code as ErrorCode].http;
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  return new Map([...statuses].sort(([a], [b]) => a - b).map(([status, all]) => [status, all.sort()]));
}
