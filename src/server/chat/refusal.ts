/** A refusal of the upstream, as the client gets it. */
import { FungiError } from '../../core/errors.js';
import { failureOf, openAiErrorOf, retryHeaders } from '../http/failure.js';
import type { Reply } from '../route.js';
import { headersToClient, withoutKey } from './headers.js';
import type { UpstreamReply } from './upstream.js';

type Refusal = Extract<UpstreamReply, { kind: 'refusal' }>;

/** How much of a body that is no OpenAI error is shown. */
const MAX_SHOWN = 500;

/**
 * The upstream's own status and error, without its key. What is not of OpenAI's shape becomes so.
 *
 * @throws {FungiError} LLM_FAILED where the upstream refuses this server's own key: a client that was told 401 would look at its own
 */
export function refusalReply(refusal: Refusal, apiKey: string): Extract<Reply, { kind: 'text' }> {
  const { status, headers, body: bytes, retryAfterMs } = refusal;
  if ((status === 401 && apiKey !== '') || status === 407) {
    throw new FungiError('LLM_FAILED', "the LLM endpoint refuses this server's API key", {
      hint: "Whoever runs the server has to look at its upstream's key.",
      details: { status },
    });
  }
  const text = bytes?.toString('utf8') ?? '';
  const shown = text === '' ? '' : `: ${text.slice(0, MAX_SHOWN)}`;
  const told = new FungiError(
    status === 429 ? 'LLM_RATE_LIMITED' : 'LLM_FAILED',
    `the LLM endpoint answered with status ${status}${shown}`,
    retryAfterMs === undefined ? {} : { details: { retryAfterMs } },
  );
  const failure = { ...failureOf(told), status };
  const body = JSON.stringify(ownError(text) ?? openAiErrorOf(failure));
  return {
    kind: 'text',
    status,
    type: 'application/json',
    body: withoutKey(body, apiKey),
    headers: { ...headersToClient(headers, apiKey), ...(status === 429 && retryHeaders(failure)) },
  };
}

/** With the members that clients count on; undefined where the text is no error of OpenAI's shape. */
function ownError(text: string): object | undefined {
  try {
    const { error, ...others } = JSON.parse(text) as { readonly error?: Record<string, unknown> | null };
    if (typeof error?.['message'] !== 'string') return undefined;
    const { type = 'upstream_error', param = null, code = null } = error;
    return { ...others, error: { ...error, type, param, code: typeof code === 'number' ? String(code) : code } };
  } catch {
    return undefined;
  }
}
