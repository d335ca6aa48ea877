/** Every prompt that a comparison needs, the equal ones once, and the replies to them that are there already. */
import { FungiError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { OnProgress } from '../../core/progress.js';
import type { Completion, CompletionRequest, LlmClient } from '../../llm/client.js';
import type { PromptSize } from '../../prompt/budget.js';
import { messagesKey } from '../../prompt/message.js';
import type { PromptTemplate, PromptValues, RenderedPrompt } from '../../prompt/template.js';
import type { SelectorRun } from '../compare/compare.js';
import type { LabelledItem } from '../data/labelled.js';
import { mostPromptTokens } from './tokens.js';

export interface PromptOptions {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  /** What the selectors chose, under each seed. */
  readonly runs: readonly SelectorRun[];
  /** The closed list to choose from. */
  readonly labels: readonly string[];
  readonly template: PromptTemplate;
  readonly variables?: PromptValues['variables'];
  readonly llm: LlmClient;
  /** The most tokens that a reply may have. @default what the endpoint allows */
  readonly maxTokens?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A prompt that differs from all others. */
export interface PlannedPrompt {
  /** Digest of its messages. */
  readonly key: string;
  /** The run and query that need it first: it is filled again when it is sent, and not kept. */
  readonly run: number;
  readonly query: number;
  readonly size: PromptSize;
  /** No vocabulary makes more of it. */
  readonly mostTokens: number;
  /** The reply to it, when it was asked before. */
  readonly kept: Completion | undefined;
}

/** What one run asks of one query. */
export interface Place {
  /** Which prompt. */
  readonly prompt: number;
  /** Examples in it: fewer than were chosen where the template's limits leave some out. */
  readonly examples: number;
}

export interface PromptPlan {
  /** In the order in which they are asked: all runs of the first query, then of the second … */
  readonly prompts: readonly PlannedPrompt[];
  /** For each run and query, or why there is no prompt: a query too long for the template's budget [runs][n]. */
  readonly places: readonly (readonly (Place | FungiError)[])[];
}

/** The prompts still to be asked, by their place in the plan: a call each. */
export const callsOf = ({ prompts }: PromptPlan): number[] =>
  prompts.flatMap(({ kept }, place) => (kept === undefined ? [place] : []));

/**
 * Fills every prompt, sends none.
 *
 * @throws {FungiError} INVALID_ARGUMENT, INVALID_TEXT, TEMPLATE_INVALID as {@link PromptTemplate.render}
 */
export async function planPrompts(options: PromptOptions): Promise<PromptPlan> {
  const { queries, runs, llm, onProgress } = options;
  const prompts: PlannedPrompt[] = [];
  const known = new Map<string, number>();
  const places = runs.map((): (Place | FungiError)[] => []);
  for (let query = 0; query < queries.length; query++) {
    onProgress?.({ stage: 'prompts', done: query, total: queries.length, unit: 'rows' });
    for (let run = 0; run < runs.length; run++) {
      const rendered = renderIfFits(options, run, query);
      if (FungiError.is(rendered)) {
        places[run]!.push(rendered);
        continue;
      }
      const { messages, used, size } = rendered;
      const key = fingerprint(messagesKey(messages));
      let prompt = known.get(key);
      if (prompt === undefined) {
        prompt = prompts.length;
        known.set(key, prompt);
        const kept = await llm.peek?.(requestOf(options, messages));
        prompts.push({ key, run, query, size, mostTokens: mostPromptTokens(messages), kept });
      }
      places[run]!.push({ prompt, examples: used.length });
    }
  }
  onProgress?.({ stage: 'prompts', done: queries.length, total: queries.length, unit: 'rows' });
  return { prompts, places };
}

/** The request that a planned prompt is. */
export const plannedRequest = (options: PromptOptions, { run, query }: PlannedPrompt): CompletionRequest =>
  requestOf(options, render(options, run, query).messages);

const requestOf = ({ maxTokens }: PromptOptions, messages: CompletionRequest['messages']): CompletionRequest => ({
  messages,
  temperature: 0,
  maxTokens,
});

function render(
  { pool, queries, runs, labels, template, variables }: PromptOptions,
  run: number,
  query: number,
): RenderedPrompt<LabelledItem> {
  const examples = runs[run]!.rows[query]!.map((row) => pool[row]!);
  return template.render({ query: queries[query]!.input, examples, labels, variables });
}

/** A text too long for the template's budget is wrong with one query, anything else with all of them. */
function renderIfFits(options: PromptOptions, run: number, query: number): RenderedPrompt<LabelledItem> | FungiError {
  try {
    return render(options, run, query);
  } catch (error) {
    if (FungiError.is(error) && error.details['budget'] !== undefined) return error;
    throw error;
  }
}
