/** Asks an LLM what a plan still lacks, query by query, until all is answered, a cap is reached, or the endpoint is of no use. */
import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { FungiError } from '../../core/errors.js';
import { concernsEveryRequest } from '../../llm/breaker.js';
import type { Completion } from '../../llm/client.js';
import { callsOf, plannedRequest, type PromptOptions, type PromptPlan } from './prompt-plan.js';

export interface AskOptions extends PromptOptions {
  /** Requests under way at once. */
  readonly concurrency: number;
}

/** What became of one prompt. */
export type Reply =
  | {
      readonly kind: 'reply';
      readonly completion: Completion;
      /** In this run, and not before. */ readonly now: boolean;
    }
  | { readonly kind: 'failed'; readonly error: FungiError };

export interface Replies {
  /** For each prompt of the plan; undefined where it was not asked. */
  readonly of: readonly (Reply | undefined)[];
  /** Why prompts were left unasked: a cap, or the endpoint. */
  readonly stopped?: FungiError | undefined;
}

/** Failures without a reply between after which the endpoint is taken to refuse everything, whatever it says. */
const FAILURES_IN_A_ROW = 10;

/**
 * A call that fails counts for its prompt, and the others go on. The work ends early when a cap is reached (requests under way are let
 * finish), when the first call fails for a reason that concerns all, when the breaker has opened, or after ten failures in a row.
 *
 * @throws {FungiError} what a client throws that is no failure of the LLM
 */
export async function askPlan(plan: PromptPlan, options: AskOptions): Promise<Replies> {
  const { llm, concurrency, onProgress } = options;
  const calls = callsOf(plan);
  const replies: (Reply | undefined)[] = plan.prompts.map(
    ({ kept }) => kept && { kind: 'reply', completion: kept, now: false },
  );
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal); // each request under way listens: Node would take more than ten for a leak
  let stopped: FungiError | undefined;
  let [settled, failures] = [0, 0];
  let reached = false;

  const stop = (reason: FungiError): void => {
    stopped ??= reason;
    if (!FungiError.is(reason, 'BUDGET_REACHED')) controller.abort(reason);
  };
  /** A file that is gone or another says nothing against the replies that there are. */
  const stopAtFile = (error: unknown): undefined => {
    if (!FungiError.is(error)) throw error;
    stop(error);
  };
  const fail = (place: number, error: unknown): void => {
    if (FungiError.is(error, 'BUDGET_REACHED')) stop(error);
    else if (stopped !== undefined && FungiError.is(error, 'ABORTED')) return;
    else if (isNotAsked(error)) stop(error);
    else if (FungiError.is(error) && error.code.startsWith('LLM_')) {
      replies[place] = { kind: 'failed', error };
      failures++;
      if ((!reached && concernsEveryRequest(error)) || failures >= FAILURES_IN_A_ROW) stop(error);
    } else throw error;
  };
  const ask = async (place: number): Promise<void> => {
    if (stopped !== undefined) return;
    try {
      const request = await plannedRequest(options, plan.prompts[place]!).catch(stopAtFile);
      if (request === undefined) return;
      const completion = await llm.complete({ ...request, signal });
      replies[place] = { kind: 'reply', completion, now: !completion.cached };
      failures = 0;
      reached = true;
    } catch (error) {
      fail(place, error);
    }
    onProgress?.({ stage: 'ask the LLM', done: ++settled, total: calls.length, unit: 'requests' });
  };

  onProgress?.({ stage: 'ask the LLM', done: 0, total: calls.length, unit: 'requests' });
  const [first, ...rest] = calls;
  // Alone: an endpoint that cannot be reached should not be asked by many.
  if (first !== undefined) await ask(first);
  const limit = pLimit(concurrency);
  const crashes: unknown[] = [];
  const works = rest.map((place) =>
    limit(ask, place).catch((error: unknown) => {
      crashes.push(error);
      controller.abort(error);
    }),
  );
  await Promise.all(works);
  if (crashes.length > 0) throw crashes[0];
  return { of: replies, stopped };
}

/** The breaker has opened: the request was not made. */
const isNotAsked = (error: unknown): error is FungiError => FungiError.is(error) && error.details['attempts'] === 0;
