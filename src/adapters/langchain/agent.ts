/** Middleware for LangChain's agents: `fungi-icl/langchain/agent`, over `langchain` 1. */
import { AIMessage } from '@langchain/core/messages';
import { createMiddleware } from 'langchain';
import { z } from 'zod';
import { FewShot } from '../few-shot.js';
import { parseCall, type FewShotCall, type FewShotOptions } from '../few-shot-options.js';
import { messageFormat } from './message-format.js';

export type { Turn } from '../chat-format.js';
export type { FewShotCall, FewShotOptions, FewShotSelector } from '../few-shot-options.js';
export type { FewShotReport } from '../few-shot.js';

/** Read by {@link parseCall}, whose errors name what is wrong. */
const contextSchema = z.object({ fungi: z.custom<FewShotCall>().optional() });

/**
 * Every model call of an agent gets the examples nearest to the last message of the user; the calls after a tool's result get the same.
 * They are in the request only, never in the agent's state. Which they were is in `response_metadata.fungi` of the reply.
 *
 * @example
 * const agent = createAgent({ model, tools, middleware: [fungiAgentMiddleware({ selector, k: 8 })] });
 *
 * Options of one run stand in its `context.fungi`: k, filter, policy, explain, labels, variables, skip. An error comes as langchain's MiddlewareError, the
 * FungiError as its `cause`.
 *
 * @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds
 */
export function fungiAgentMiddleware(options: FewShotOptions) {
  const fewShot = new FewShot(options);
  return createMiddleware({
    name: `fungi-${options.selector.name}`,
    contextSchema,
    wrapModelCall: async (request, handler) => {
      const call = parseCall(request.runtime.context.fungi, 'context.fungi');
      const { messages, system, report, answered } = await fewShot.place(messageFormat, request.messages, call);
      const { systemMessage } = request;
      const separator = systemMessage.text === '' ? '' : '\n\n';
      const response = await handler({
        ...request,
        messages,
        ...(system !== undefined && { systemMessage: systemMessage.concat(`${separator}${system}`) }),
      });
      const reply = replyOf(response);
      if (reply !== undefined && report !== undefined) {
        reply.response_metadata = { ...reply.response_metadata, fungi: report };
        answered(messageFormat.read(reply).toolCalls);
      }
      return response;
    },
  });
}

/** The model's message: alone, or beside the structured response that was parsed of it, which langchain's types do not tell. */
function replyOf(response: object): AIMessage | undefined {
  const found =
    'messages' in response && Array.isArray(response.messages) ? (response.messages as unknown[]) : [response];
  return found.find((message) => AIMessage.isInstance(message));
}
