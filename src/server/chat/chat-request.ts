/** What the proxy reads of a chat completion's request. */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { parseCall, type FewShotCall } from '../../adapters/few-shot-options.js';
import type { OpenAiMessage } from '../../adapters/openai-chat.js';
import { FungiError } from '../../core/errors.js';
import { filter, indexName, k, labels, variables } from '../routes/fields.js';
import { policy } from '../routes/selection/policy-body.js';

const messageSchema = z.looseObject({ role: z.string().meta({ examples: ['user'] }), content: z.unknown() }).meta({
  description: 'A message, as the LLM endpoint takes it. Texts of user messages are read, as strings or parts.',
});

const fungiSchema = z.strictObject({
  k: k.unwrap().optional(),
  filter: filter.optional(),
  policy: policy.optional(),
  labels: labels.optional(),
  variables: variables.optional(),
  skip: z.boolean().optional().meta({ description: 'No examples, this time.' }),
});

/** As a header says it. */
const K_TEXT = /^(?:1000|[1-9]\d{0,2})$/;

/** For the document. */
export const chatHeaders = z.object({
  'x-fungi-index': indexName.optional().meta({
    description: 'Index whose examples the call gets, in place of the configured one.',
    examples: ['help-desk'],
  }),
  'x-fungi-k': z
    .string()
    .regex(K_TEXT)
    .optional()
    .meta({ description: "How many of them, 1 to 1,000; the body's own k goes before it." }),
});

/** All but what is named here goes to the LLM endpoint as it came. */
export const chatBodySchema = z
  .looseObject({
    model: z
      .string()
      .optional()
      .meta({ description: "One of the LLM endpoint's.", examples: ['default'] }),
    messages: z.array(messageSchema),
    stream: z.boolean().nullish(),
    fungi: fungiSchema.optional().meta({ description: 'Options of this call; not sent on.' }),
  })
  .meta({ examples: [{ model: 'default', messages: [{ role: 'user', content: 'my library card was stolen' }] }] });
export type ChatBody = z.output<typeof chatBodySchema>;

export interface ChatRequest {
  /** Undefined for a call that is passed on without examples. */
  readonly index: string | undefined;
  readonly call: FewShotCall;
  readonly messages: readonly OpenAiMessage[];
  /** All else of the body. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** @throws {FungiError} INVALID_ARGUMENT for options that are none, or that have no index to hold for */
export function chatRequestOf(
  { messages, fungi, ...others }: ChatBody,
  headers: IncomingHttpHeaders,
  defaultIndex: string | undefined,
): ChatRequest {
  const call = { ...kOf(headers), ...parseCall(fungi, 'fungi') };
  const index = indexOf(headers) ?? defaultIndex;
  if (index === undefined && call.skip !== true && Object.keys(call).length > 0) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      'the request has options for examples, and names no index to take them from',
      {
        hint: 'Name one in the header x-fungi-index, or leave the options out.',
        details: { param: 'fungi' },
      },
    );
  }
  return {
    index: call.skip === true ? undefined : index,
    call,
    messages: messages as readonly OpenAiMessage[],
    others,
  };
}

/** Looked at whether the call takes examples or not: a name that is none is a mistake in either case. */
function indexOf(headers: IncomingHttpHeaders): string | undefined {
  const given = chatHeaders.shape['x-fungi-index'].safeParse(headers['x-fungi-index']);
  if (given.success) return given.data;
  throw new FungiError('INVALID_ARGUMENT', 'header x-fungi-index: is not the name of an index', {
    hint: 'Names are 1 to 63 of a-z, 0-9, "-" and "_", and begin with a letter or digit.',
    details: { param: 'x-fungi-index' },
  });
}

/** The body's own k goes before it. */
function kOf(headers: IncomingHttpHeaders): FewShotCall {
  const given = headers['x-fungi-k'];
  if (given === undefined) return {};
  return parseCall({ k: K_TEXT.test(String(given)) ? Number(given) : given }, 'header x-fungi-k');
}
