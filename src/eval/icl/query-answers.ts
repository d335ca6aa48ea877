/** What an LLM answered to each query with the examples of each selector: for those who want to count what the report does not. */
import { FungiError, type ErrorCode } from '../../core/errors.js';
import { labelOf } from '../../llm/label.js';
import type { Comparison } from '../compare/compare.js';
import { queryChoices, type QueryChoice, type QueryChoices } from '../compare/query-choices.js';
import type { LabelledItem } from '../data/labelled.js';
import type { Replies } from './ask.js';
import type { PromptPlan } from './prompt-plan.js';

/** One query. Names are fixed: this is read by other programs. */
export interface QueryAnswers extends Omit<QueryChoices, 'choices'> {
  /** Of every selector under every seed, seed by seed. */
  readonly answers: readonly QueryAnswer[];
}

export interface QueryAnswer extends QueryChoice {
  /** How many of `rows` the prompt held, the first ones; null where no prompt could be made. */
  readonly examples: number | null;
  /**
   * `label`: one of the list. `off-list`: none of it. `cut-off`: at the token limit, or by a filter; wrong whatever it says. `failed`: no
   * prompt, or no reply. `unasked`: a cap was reached before, or the endpoint was of no use.
   */
  readonly reply: 'label' | 'off-list' | 'cut-off' | 'failed' | 'unasked';
  /** What the reply says; null unless it is one of the list. */
  readonly label: string | null;
  /** Of a reply off the list or cut off, its first {@link REPLY_CHARACTERS} characters; else null. */
  readonly text: string | null;
  /** Of what failed; else null. */
  readonly error: ErrorCode | null;
}

export const REPLY_CHARACTERS = 200;

export interface QueryAnswersOptions {
  readonly comparison: Comparison;
  readonly queries: readonly LabelledItem[];
  /** The closed list. */
  readonly labels: readonly string[];
  readonly plan: PromptPlan;
  readonly replies: Replies;
}

/** In the order of the queries; answers in that of the comparison's runs, which the plan has too. */
export function queryAnswers({ comparison, queries, labels, plan, replies }: QueryAnswersOptions): QueryAnswers[] {
  return queryChoices(comparison, queries).map(({ choices, ...query }) => ({
    ...query,
    answers: choices.map((choice, run) => ({
      ...choice,
      ...answerTo(plan.places[run]![query.query]!, replies, labels),
    })),
  }));
}

type Answered = Omit<QueryAnswer, keyof QueryChoice>;

const NOTHING = { label: null, text: null, error: null };

function answerTo(place: PromptPlan['places'][number][number], { of }: Replies, labels: readonly string[]): Answered {
  if (FungiError.is(place)) return { ...NOTHING, examples: null, reply: 'failed', error: place.code };
  const { prompt, examples } = place;
  const reply = of[prompt];
  if (reply === undefined) return { ...NOTHING, examples, reply: 'unasked' };
  if (reply.kind === 'failed') return { ...NOTHING, examples, reply: 'failed', error: reply.error.code };
  const answer = labelOf(reply.completion, labels);
  if (answer.kind === 'label') return { ...NOTHING, examples, reply: 'label', label: answer.label };
  const text = Array.from(answer.reply.slice(0, 2 * REPLY_CHARACTERS)).slice(0, REPLY_CHARACTERS).join(''); // prettier-ignore
  return { ...NOTHING, examples, reply: answer.cut === undefined ? 'off-list' : 'cut-off', text };
}
