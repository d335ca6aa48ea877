/** Keys as they are kept: digests. Who reads the configuration learns no key. */
import { createHash, randomBytes } from 'node:crypto';

/** sha256 of the key, lower-case hex. Keys are random and long, so that a slow hash would protect nothing. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/** A new key of 256 random bits. Its beginning lets scanners of leaked secrets find it. */
export function generateKey(): string {
  return `fungi_${randomBytes(32).toString('base64url')}`;
}
