/** What an LLM answered with the examples of each selector, and which answers may be compared. */
import { FungiError } from '../../core/errors.js';
import { labelOf } from '../../llm/label.js';
import type { Answer } from '../../llm/tally.js';
import type { SelectorRun } from '../compare/compare.js';
import { pairedGains, type Gain, type Predictions } from '../compare/scores.js';
import { overBm25, type OverBm25 } from '../compare/verdict-notes.js';
import type { Replies, Reply } from './ask.js';
import type { Place, PlannedPrompt, PromptPlan } from './prompt-plan.js';

/** A prompt that was sent, or that none could be made for, and what came of it. */
export interface Asked {
  readonly place: Place | FungiError;
  readonly prompt: PlannedPrompt | undefined;
  readonly reply: Reply | undefined;
  readonly answer: Answer;
}

/** One selector's. */
export interface SelectorAnswers {
  readonly selector: string;
  /** Its runs, one a seed, by their place in the comparison [S]. */
  readonly runs: readonly number[];
  /** For each seed, one for each query that was asked [S][n]. */
  readonly asked: readonly (readonly Asked[])[];
}

/** Queries for which the prompts of every run were asked, or cannot be made. */
export function askedQueries(plan: PromptPlan, replies: Replies): number[] {
  const [first = []] = plan.places;
  return first.flatMap((_, query) => {
    const isAsked = plan.places.every((places) => {
      const place = places[query]!;
      return FungiError.is(place) || replies.of[place.prompt] !== undefined;
    });
    return isAsked ? [query] : [];
  });
}

/**
 * @param runs all runs of the comparison
 * @param queries those of {@link askedQueries} [n]
 */
export function answersOf(
  selector: string,
  { runs, queries, plan, replies, labels }: {
    readonly runs: readonly SelectorRun[];
    readonly queries: readonly number[];
    readonly plan: PromptPlan;
    readonly replies: Replies;
    readonly labels: readonly string[];
  }, // prettier-ignore
): SelectorAnswers {
  const own = runs.flatMap((run, index) => (run.selector === selector ? [index] : []));
  const answerTo = (place: Place | FungiError): Asked => {
    if (FungiError.is(place)) {
      return { place, prompt: undefined, reply: undefined, answer: { kind: 'failed', error: place } };
    }
    const reply = replies.of[place.prompt]!;
    const answer = reply.kind === 'failed' ? reply : labelOf(reply.completion, labels);
    return { place, prompt: plan.prompts[place.prompt], reply, answer };
  };
  return { selector, runs: own, asked: own.map((run) => queries.map((query) => answerTo(plan.places[run]![query]!))) };
}

/** Queries with a reply under every seed, by their place among those asked: a call that failed is neither right nor wrong. */
export const repliedQueries = ({ asked: [first = [], ...rest] }: SelectorAnswers): number[] =>
  first.flatMap((_, i) => ([first, ...rest].every((run) => run[i]!.answer.kind !== 'failed') ? [i] : []));

/**
 * Right and wrong of the queries named, under each seed. A reply off the list is wrong, and predicts no label.
 *
 * @param truth labels of all queries that were asked [n]
 * @param chosen places among them
 */
export const predictionsOf = (
  { asked }: SelectorAnswers,
  truth: readonly string[],
  chosen: readonly number[],
): Predictions[] =>
  asked.map((run) => {
    const predicted = chosen.map((i) => {
      const { answer } = run[i]!;
      return answer.kind === 'label' ? answer.label : '';
    });
    return { predicted, correct: chosen.map((i, place) => predicted[place] === truth[i]) };
  });

/** A gain on the queries that got a reply of both selectors under every seed. */
export interface GainOnReplies extends Gain {
  readonly queries: number;
}

/** Gains over the baseline, by selector; without those that have no query in common with it. */
export function gainsOnReplies(
  all: readonly SelectorAnswers[],
  baseline: string,
  truth: readonly string[],
): Map<string, GainOnReplies> {
  const base = all.find(({ selector }) => selector === baseline)!;
  const pairs = all.flatMap((own) => {
    if (own === base) return [];
    const [a, b] = onCommonReplies(own, base, truth);
    const queries = a[0]!.correct.length;
    return queries === 0 ? [] : [{ selector: own.selector, baseline: b, own: a, queries }];
  });
  const gains = pairedGains(pairs);
  return new Map(pairs.map(({ selector, queries }, i) => [selector, { ...gains[i]!, queries }]));
}

/** Of two selectors on the queries that got a reply of both. */
function onCommonReplies(
  own: SelectorAnswers,
  other: SelectorAnswers,
  truth: readonly string[],
): readonly [Predictions[], Predictions[]] {
  const replied = new Set(repliedQueries(other));
  const common = repliedQueries(own).filter((i) => replied.has(i));
  return [predictionsOf(own, truth, common), predictionsOf(other, truth, common)];
}

/**
 * The best selector by features against bm25, on the queries that got a reply of both. Which is best the difference from the baseline says,
 * since each one's accuracy may be of other queries.
 */
export function overBm25OnReplies(
  all: readonly SelectorAnswers[],
  baseline: string,
  gains: ReadonlyMap<string, GainOnReplies>,
  truth: readonly string[],
): OverBm25 | null {
  const candidates = all.flatMap(({ selector }) => {
    const gain = gains.get(selector);
    if (selector === baseline) return [{ selector, accuracy: 0 }];
    return gain === undefined ? [] : [{ selector, accuracy: gain.difference, gain }];
  });
  const find = (name: string): SelectorAnswers => all.find(({ selector }) => selector === name)!;
  return overBm25(candidates, baseline, (own, other) => onCommonReplies(find(own), find(other), truth));
}
