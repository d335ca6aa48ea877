/** Which headers pass the proxy, in either direction: those named here, and no other. */
import type { IncomingHttpHeaders } from 'node:http';
import { LIBRARY_VERSION } from '../../core/version.js';
import type { RequestContext } from '../route.js';

/** Of the request. Its Authorization is that of this server. */
const TO_UPSTREAM = ['accept'];
/** Of the reply, beside what follows from its body. */
const TO_CLIENT = /^(?:openai-(?:model|processing-ms|version)|x-ratelimit-[a-z-]+)$/;

const named = (headers: IncomingHttpHeaders, wanted: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' && wanted(name) ? [[name, value]] : [],
    ),
  );

/**
 * @param trace whose trace it is part of
 * @param authorization undefined for none
 */
export function headersToUpstream(
  { headers, requestId }: Pick<RequestContext, 'headers' | 'requestId'>,
  trace: Readonly<Record<string, string>>,
  authorization: string | undefined,
): Record<string, string> {
  return {
    ...named(headers, (name) => TO_UPSTREAM.includes(name)),
    'content-type': 'application/json',
    // What is not compressed can be watched, and its events are not held up.
    'accept-encoding': 'identity',
    'user-agent': `fungi-icl/${LIBRARY_VERSION}`,
    'x-request-id': requestId,
    ...trace,
    ...(authorization !== undefined && { authorization }),
  };
}

/** @param apiKey is in none of their values */
export function headersToClient(headers: IncomingHttpHeaders, apiKey: string): Record<string, string> {
  const passed = named(headers, (name) => TO_CLIENT.test(name));
  return Object.fromEntries(Object.entries(passed).map(([name, value]) => [name, withoutKey(value, apiKey)]));
}

/** `text` without the key, which some endpoints echo. */
export const withoutKey = (text: string, apiKey: string): string =>
  apiKey === '' ? text : text.replaceAll(apiKey, '[API key]');
