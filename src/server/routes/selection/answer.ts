import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import type { LlmClient } from '../../../llm/client.js';
import type { SelectorAnswer } from '../../../selector/selection.js';
import type { FungiSelector } from '../../../selector/selector.js';
import type { RequestContext, Route } from '../../route.js';
import { assertClientItems, queryAt } from '../client-items.js';
import { ASKING, codes, ENCODING, OPENING } from '../failures.js';
import { indexPath, noQuery, type IndexPath } from '../fields.js';
import { begun, inUse } from '../in-use.js';
import { explainedOf, explainedShape } from './explained.js';
import { contentsOf, contentsShape, promptOptions, promptShape, withoutPaths } from './prompt-body.js';
import { generationOf, generationShape, rankedOf, rankedSchema, truncated } from './selected.js';

const bodySchema = z
  .strictObject({
    ...promptShape,
    stream: z.boolean().optional().meta({
      description: 'Whether the reply is events, as with Accept: text/event-stream: the selection, then the answer.',
    }),
  })
  .meta({ examples: [{ query: 'my library card was stolen, can I still borrow?' }] });
type Body = z.output<typeof bodySchema>;

const count = z.int().nonnegative();
const selectionReply = z.strictObject({
  ...generationShape,
  examples: z.array(rankedSchema).meta({ description: 'Nearest first.' }),
  truncated,
  ...explainedShape,
});
const answerShape = {
  label: z.string().nullable().meta({
    description: 'Null where the LLM replied with none of the labels, and where the vote abstains.',
  }),
  by: z.enum(['llm', 'vote']).meta({ description: 'Who answered; without an LLM the examples vote.' }),
  offList: z
    .strictObject({
      reply: z.string(),
      cut: z.string().optional().meta({ description: 'Why the reply is not whole: length, content_filter.' }),
    })
    .nullable()
    .meta({ description: 'What the LLM replied where that is no label; it is never taken for a similar one.' }),
  abstained: z
    .strictObject({ likeliest: z.string(), confidence: z.number().min(0).max(1) })
    .nullable()
    .meta({ description: "Where the vote is below the policy's abstain.below: the label that it would have been." }),
  vote: z.strictObject({ label: z.string(), votes: count, total: count }),
  cached: z.boolean().meta({ description: 'The reply was there already: no call was made.' }),
  usage: z.strictObject({ promptTokens: count, completionTokens: count }).optional(),
  prompt: z.strictObject(contentsShape).optional().meta({ description: 'What the LLM was shown.' }),
};
const replySchema = z.strictObject({ ...selectionReply.shape, ...answerShape });
const eventSchema = z.union([
  selectionReply.extend({ type: z.literal('selection') }),
  replySchema.extend({ type: z.literal('answer') }),
]);

export const answer: Route<IndexPath, unknown, Body> = {
  method: 'post',
  path: '/v1/indexes/{name}/answer',
  operationId: 'answer',
  tag: 'selection',
  summary: "Classifies a query: by the server's LLM, shown the nearest examples, or by their vote.",
  scope: 'read',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  body: { size: 'media', schema: bodySchema },
  replies: {
    200: {
      description: 'The label, and the examples it came from.',
      schema: replySchema,
      streamed: { type: 'text/event-stream', schema: eventSchema },
    },
  },
  failures: codes(OPENING, ENCODING, ASKING),

  async handle({ path: { name }, body, context }) {
    const answered = inUse(context, name, (selector) => steps(selector, body, context));
    if (wantsEvents(body, context)) return { kind: 'events', values: await begun(typed(answered)) };
    let reply: unknown;
    for await (const step of answered) reply = step.reply;
    return { kind: 'json', status: 200, body: reply };
  },
};

interface Step {
  readonly type: 'selection' | 'answer';
  readonly reply: Readonly<Record<string, unknown>>;
}

async function* steps(
  selector: FungiSelector,
  body: Body,
  context: RequestContext,
): AsyncGenerator<Step, void, undefined> {
  const options = promptOptions(body, selector, context);
  assertClientItems([body.query], selector.modality, queryAt(1));
  const selection = await withoutPaths(selector.name, selector.select(body.query, options));
  const { examples, truncated } = selection;
  const chosen = { ...generationOf(selector), examples: examples.map(rankedOf), truncated, ...explainedOf(selection) };
  yield { type: 'selection', reply: chosen };
  const llm = context.llm && timed(context.llm, context);
  const answered = selector.answerFrom(selection, { ...options, ...(llm && { llm }) });
  yield { type: 'answer', reply: { ...chosen, ...outcomeOf(await withoutPaths(selector.name, answered)) } };
}

/** A client tells events apart by their type. */
async function* typed(steps: AsyncGenerator<Step, void, undefined>): AsyncGenerator<unknown, void, undefined> {
  for await (const { type, reply } of steps) yield { type, ...reply };
}

function outcomeOf({ label, by, answer, vote, cached, usage, prompt }: SelectorAnswer): Record<string, unknown> {
  const { reply, cut } = answer.kind === 'invalid' ? answer : {};
  return {
    label: label ?? null,
    by,
    abstained: answer.kind === 'abstained' ? { likeliest: answer.likeliest, confidence: answer.confidence } : null,
    offList: reply === undefined ? null : { reply, ...(cut !== undefined && { cut }) },
    vote: { label: vote.label, votes: vote.votes, total: vote.total },
    cached,
    ...(usage && { usage: { promptTokens: usage.promptTokens, completionTokens: usage.completionTokens } }),
    ...(prompt && { prompt: contentsOf(prompt) }),
  };
}

/** `llm`, whose calls are told of. */
const timed = (llm: LlmClient, context: RequestContext): LlmClient => ({
  settings: llm.settings,
  async complete(request) {
    const start = performance.now();
    const call = context.call(llm.settings.model);
    try {
      const completion = await llm.complete({ ...request, headers: call.headers });
      call.end({ ...completion.usage });
      return completion;
    } catch (error) {
      call.end({ failure: FungiError.is(error) ? error.code : 'INTERNAL' });
      throw error;
    } finally {
      context.timing('upstream', performance.now() - start);
    }
  },
});

const wantsEvents = ({ stream }: Body, { headers: { accept = '' } }: RequestContext): boolean =>
  stream ?? accept.split(',').some((type) => /^\s*text\/event-stream\s*(;|$)/i.test(type));
