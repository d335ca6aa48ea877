/** Every prompt that a comparison needs, the equal ones once, and the replies to them that are there already. */
import { FungiError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { OnProgress } from '../../core/progress.js';
import type { Completion, CompletionRequest, LlmClient } from '../../llm/client.js';
import { messagesKey } from '../../prompt/message.js';
import type { PromptTemplate, PromptValues, RenderedPrompt } from '../../prompt/template.js';
import type { ExampleSource, MediaPrompts } from '../../selector/media-prompts.js';
import type { MediaOptions } from '../../selector/selection.js';
import type { SelectorRun } from '../compare/compare.js';
import type { LabelledItem } from '../data/labelled.js';
import { mostPromptTokens, type CountedPrompt } from './tokens.js';

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
  /** Where queries and pool are images or sounds. */
  readonly media?: PlanMedia | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface PlanMedia {
  readonly prompts: MediaPrompts<LabelledItem>;
  readonly options: MediaOptions;
  /** What one image or sound counts as, in tokens; undefined where nobody said. */
  readonly tokens?: number | undefined;
}

/** The pool, where the examples of prompts come from. */
export const POOL_SOURCE: ExampleSource<LabelledItem> = {
  name: 'the pool',
  nameOf: ({ where }) => where ?? 'a row of the pool',
  wayOut: () => 'Put the file back, or take the row out of the data.',
};

/** A prompt that differs from all others. */
export interface PlannedPrompt extends CountedPrompt {
  /** Digest of its messages. */
  readonly key: string;
  /** The run and query that need it first: it is filled again when it is sent, and not kept. */
  readonly run: number;
  readonly query: number;
  /** No vocabulary makes more of it. */
  readonly mostTokens: number;
  /** The reply to it, when it was asked before. */
  readonly kept: Completion | undefined;
}

/** What one run asks of one query. */
export interface Place {
  /** Which prompt. */
  readonly prompt: number;
  /** Examples in it: fewer than were chosen where the template's limits, or the budget, leave some out. */
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
 * @throws {FungiError} INVALID_ARGUMENT, INVALID_TEXT, TEMPLATE_INVALID as {@link PromptTemplate.render}; FILE_NOT_FOUND, INVALID_MEDIA as
 *   {@link MediaPrompts.fill}
 */
export async function planPrompts(options: PromptOptions): Promise<PromptPlan> {
  const { queries, runs, llm, onProgress } = options;
  const prompts: PlannedPrompt[] = [];
  const known = new Map<string, number>();
  const places = runs.map((): (Place | FungiError)[] => []);
  for (let query = 0; query < queries.length; query++) {
    onProgress?.({ stage: 'prompts', done: query, total: queries.length, unit: 'rows' });
    for (let run = 0; run < runs.length; run++) {
      const rendered = await renderIfFits(options, run, query);
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
        const { tokens = 0 } = options.media ?? {};
        const mediaTokens = tokens * (size.media?.parts ?? 0);
        prompts.push({ key, run, query, size, mediaTokens, mostTokens: mostPromptTokens(messages, tokens), kept });
      }
      places[run]!.push({ prompt, examples: used.length });
    }
  }
  onProgress?.({ stage: 'prompts', done: queries.length, total: queries.length, unit: 'rows' });
  return { prompts, places };
}

/**
 * The request that a planned prompt is.
 *
 * @throws {FungiError} INVALID_DATA where it is another by now; FILE_NOT_FOUND, INVALID_MEDIA for a file that has changed meanwhile
 */
export async function plannedRequest(
  options: PromptOptions,
  { key, run, query }: PlannedPrompt,
): Promise<CompletionRequest> {
  const { messages } = await render(options, run, query);
  if (fingerprint(messagesKey(messages)) === key) return requestOf(options, messages);
  throw new FungiError(
    'INVALID_DATA',
    `query ${query}: an image or sound of its prompt has changed since the run began`,
    { hint: 'Run it again: replies that are kept are not asked for twice.' },
  );
}

const requestOf = ({ maxTokens }: PromptOptions, messages: CompletionRequest['messages']): CompletionRequest => ({
  messages,
  temperature: 0,
  maxTokens,
});

async function render(
  { pool, queries, runs, labels, template, variables, media }: PromptOptions,
  run: number,
  query: number,
): Promise<RenderedPrompt<LabelledItem>> {
  const chosen = { query: queries[query]!.input, examples: runs[run]!.rows[query]!.map((row) => pool[row]!) };
  if (media === undefined) return template.render({ ...chosen, labels, variables });
  return media.prompts.fill(template, chosen, { labels, variables, media: media.options });
}

/** A query too long for the template's budget is wrong with one query, anything else with all of them. */
async function renderIfFits(
  options: PromptOptions,
  run: number,
  query: number,
): Promise<RenderedPrompt<LabelledItem> | FungiError> {
  try {
    return await render(options, run, query);
  } catch (error) {
    if (FungiError.is(error) && error.details['budget'] !== undefined) return error;
    throw error;
  }
}
