/** Lets a request pass whose key allows what its route does. */
import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { FungiError } from '../../core/errors.js';
import { Exchange } from '../http/exchange.js';
import type { Scope } from '../route.js';
import { keyOf } from './credentials.js';
import type { FailureThrottle } from './failure-throttle.js';
import { allows, type ApiKey, type KeyRing } from './key-ring.js';

const holders = new WeakMap<Request, ApiKey>();

/** The key that {@link authenticate} found on the request. */
export function keyHeldBy(request: Request): ApiKey | undefined {
  return holders.get(request);
}

/** The remote address; of IPv6 the network, since one host has a whole one to choose from. */
export function addressOf(request: Request): string {
  return ipKeyGenerator(request.ip ?? '');
}

/**
 * @param keys undefined where none are asked for: the server then listens on the loopback only
 * @throws {FungiError} UNAUTHENTICATED, FORBIDDEN; RATE_LIMITED after too many wrong keys, right ones then included
 */
export function authenticate(
  scope: Scope | null,
  keys: KeyRing | undefined,
  throttle: FailureThrottle,
): RequestHandler {
  return (request, response, next) => {
    if (scope === null || keys === undefined) {
      next();
      return;
    }
    const address = addressOf(request);
    const retryAfterMs = throttle.waitMs(address);
    if (retryAfterMs > 0) {
      throw new FungiError('RATE_LIMITED', 'too many wrong keys came from this address', {
        details: { retryAfterMs },
        hint: 'Wait, and check the key.',
      });
    }
    const given = keyOf(request);
    const key = given === undefined ? undefined : keys.find(given);
    if (key === undefined) {
      if (given !== undefined) throttle.failed(address);
      response.setHeader(
        'WWW-Authenticate',
        `Bearer realm="fungi"${given === undefined ? '' : ', error="invalid_token"'}`,
      );
      throw new FungiError(
        'UNAUTHENTICATED',
        given === undefined ? 'the request has no API key' : 'the API key is not known',
        {
          hint: 'Send Authorization: Bearer KEY, or x-api-key: KEY.',
        },
      );
    }
    holders.set(request, key);
    Exchange.of(request).keyName = key.name;
    if (!allows(key.scope, scope)) {
      response.setHeader('WWW-Authenticate', `Bearer realm="fungi", error="insufficient_scope", scope="${scope}"`);
      throw new FungiError('FORBIDDEN', `the API key ${key.name} has scope ${key.scope}, and this asks for ${scope}`, {
        hint: 'Use a key of that scope.',
      });
    }
    next();
  };
}
