/** Answers to every text, image or sound of a source: encoded in batches, several requests under way at once, and what failed kept apart. */
import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { FungiError } from '../core/errors.js';
import { concernsEveryRequest } from '../llm/breaker.js';
import type { LlmClient } from '../llm/client.js';
import type { Answer } from '../llm/tally.js';
import type { PromptSize } from '../prompt/budget.js';
import { majorityVote } from '../retrieve/vote.js';
import { votersOf } from '../selector/policy-use.js';
import type { AnswerOptions, FungiSelector, Selection, SelectorAnswer } from '../selector/selector.js';
import type { Context } from './context.js';
import type { Query } from './read-queries.js';

export interface Answered {
  readonly query: Query;
  readonly answer: Answer;
  /** The examples' own majority. */
  readonly vote: string;
  /** Examples that were retrieved. */
  readonly found: number;
  /** The end of the text did not fit the encoder. */
  readonly truncated: boolean;
  /** What the LLM was shown; undefined where the examples voted, and where no reply came. */
  readonly prompt?: PromptCounts | undefined;
}

/** Of a prompt, without its examples: there may be as many prompts as texts. */
export interface PromptCounts {
  readonly size: PromptSize;
  readonly used: number;
  readonly dropped: number;
}

export const promptsOf = (answered: readonly Answered[]): PromptCounts[] =>
  answered.flatMap(({ prompt }) => prompt ?? []);

export const countsOf = ({ size, used, dropped }: NonNullable<SelectorAnswer['prompt']>): PromptCounts => ({
  size,
  used: used.length,
  dropped: dropped.length,
});

/** Queries encoded before the endpoint is tried. */
const HEAD = 64;

const textsOf = (queries: readonly Query[]): string[] => queries.map(({ input }) => input);

/** @throws {FungiError} INVALID_ARGUMENT when no example passes the filter */
export async function answerByVote(
  selector: FungiSelector,
  queries: readonly Query[],
  options: AnswerOptions,
): Promise<Answered[]> {
  const selections = await selector.selectBatch(textsOf(queries), options);
  return Promise.all(
    selections.map(async (selection, i) => {
      const { answer, vote } = await selector.answerFrom(selection);
      const { examples, truncated } = selection;
      return { query: queries[i]!, answer, vote: vote.label, found: examples.length, truncated };
    }),
  );
}

/**
 * The first query goes alone, and an endpoint that cannot be reached or refuses every request ends the command there: it should not be
 * asked a thousand times. Later, and for what may be wrong with one text only, a timeout included, a failure counts for its query and
 * the others go on.
 *
 * @throws {FungiError} LLM_UNREACHABLE (no timeout), LLM_FAILED (401, 403, 404) of the first query; INVALID_ARGUMENT, TEMPLATE_INVALID
 */
export async function answerByLlm(
  selector: FungiSelector,
  queries: readonly Query[],
  options: AnswerOptions & { readonly llm: LlmClient },
  context: Context,
  concurrency: number,
): Promise<Answered[]> {
  const fatal = new AbortController();
  const { signal } = fatal;
  setMaxListeners(0, signal); // each request under way listens: Node would take more than ten for a leak
  let done = 0;
  const ask = async (query: Query, selection: Selection): Promise<Answered> => {
    const vote = majorityVote(votersOf(selection)).label;
    let answer: Answer;
    let prompt: SelectorAnswer['prompt'];
    try {
      ({ answer, prompt } = await selector.answerFrom(selection, { ...options, signal }));
    } catch (error) {
      if (!concernsOneQuery(error) || (done === 0 && concernsEveryRequest(error))) throw error;
      answer = { kind: 'failed', error };
    }
    context.onProgress({ stage: 'answers', done: ++done, total: queries.length, unit: 'rows' });
    const counts = prompt && countsOf(prompt);
    return { query, answer, vote, found: selection.examples.length, truncated: selection.truncated, prompt: counts };
  };

  // An endpoint that is down shows before the rest of a long file is encoded.
  const head = await selector.selectBatch(textsOf(queries.slice(0, HEAD)), options);
  const first = await ask(queries[0]!, head[0]!);
  const tail = await selector.selectBatch(textsOf(queries.slice(HEAD)), options);
  const limit = pLimit(concurrency);
  const rest = [...head, ...tail].slice(1).map((selection, i) =>
    limit(async () => {
      signal.throwIfAborted();
      return ask(queries[i + 1]!, selection);
    }).catch((error: unknown) => {
      fatal.abort(error); // the first one's reason stays; nothing may still run when the index is closed
      throw error;
    }),
  );
  await Promise.allSettled(rest);
  signal.throwIfAborted();
  return [first, ...(await Promise.all(rest))];
}

/** What an LLM did not answer, and a text too long for the template's budget; anything else is wrong with all of them. */
const concernsOneQuery = (error: unknown): error is FungiError =>
  FungiError.is(error) && (error.code.startsWith('LLM_') || error.details['budget'] !== undefined);
