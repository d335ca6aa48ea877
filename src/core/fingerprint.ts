/** Digests that say whether two settings, models or rows are the same. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** Anything JSON can hold; object keys are unordered, which is why {@link canonicalJson} sorts them. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** JSON with sorted keys and without undefined members: equal values give equal text. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(',')}]`;
  const members = Object.entries(value as Record<string, Json | undefined>)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/** sha256, lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** sha256 of a file's bytes, streamed. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** sha256 of the canonical JSON of `value`. */
export function fingerprint(value: Json): string {
  return sha256(canonicalJson(value));
}

/** sha256 of the canonical JSON of each value, a line each: the JSON of a large list in one is longer than a string may be. */
export function fingerprintLines(values: Iterable<Json>): string {
  const hash = createHash('sha256');
  let separator = '';
  for (const value of values) {
    // JSON holds no bare newline, so that no two lists give the same lines.
    hash.update(separator + canonicalJson(value));
    separator = '\n';
  }
  return hash.digest('hex');
}
