/** The API keys that a server knows. */
import { timingSafeEqual } from 'node:crypto';
import { FungiError } from '../../core/errors.js';
import { SCOPES, type Scope } from '../route.js';
import { hashKey } from './hash.js';

export interface ApiKey {
  /** Stands in logs and counts. */
  readonly name: string;
  /** Of {@link hashKey}. */
  readonly sha256: string;
  readonly scope: Scope;
  /** Instead of the server's number. */
  readonly requestsPerMinute?: number | undefined;
}

const NAME = /^[\w.-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** Without a single key it lets nobody in. */
export class KeyRing {
  private readonly entries: readonly { readonly key: ApiKey; readonly digest: Buffer }[];

  /** @throws {FungiError} INVALID_ARGUMENT for a name or digest that is none, and for either given twice */
  constructor(keys: readonly ApiKey[]) {
    for (const { name, sha256 } of keys) {
      if (!NAME.test(name))
        throw invalid(`the API key's name ${JSON.stringify(name)} is not 1 to 64 of A-Z a-z 0-9 _ . -`);
      if (!DIGEST.test(sha256)) throw invalid(`the API key ${name} has no sha256 of 64 lower-case hex digits`);
    }
    for (const part of ['name', 'sha256'] as const) {
      if (new Set(keys.map((key) => key[part])).size < keys.length) throw invalid(`two API keys have one ${part}`);
    }
    this.entries = keys.map((key) => ({ key, digest: Buffer.from(key.sha256, 'hex') }));
  }

  /** Takes as long for any key: all are compared, and of digests, which tell nothing of how much was right. */
  find(key: string): ApiKey | undefined {
    const digest = Buffer.from(hashKey(key), 'hex');
    let found: ApiKey | undefined;
    for (const entry of this.entries) {
      if (timingSafeEqual(entry.digest, digest)) found = entry.key;
    }
    return found;
  }
}

/** Whether a key of scope `held` may do what asks for `needed`. */
export function allows(held: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(held) >= SCOPES.indexOf(needed);
}

const invalid = (message: string): FungiError =>
  new FungiError('INVALID_ARGUMENT', message, {
    hint: 'Keys are written name, scope and sha256 each; see docs/operations.md.',
  });
