/** The figures of a comparison of selectors by what an LLM answers with their examples. */
import { mean, quantile } from 'simple-statistics';
import { FungiError, type ErrorCode } from '../../core/errors.js';
import { tallyAnswers } from '../../llm/tally.js';
import type { Comparison } from '../compare/compare.js';
import { predictionScores, type PredictionScores } from '../compare/scores.js';
import { majorityOf, type Majority, type OverBm25 } from '../compare/verdict-notes.js';
import type { LabelledItem } from '../data/labelled.js';
import type { Replies, Reply } from './ask.js';
import { NONE } from './icl-selectors.js';
import type { PromptPlan } from './prompt-plan.js';
import {
  answersOf,
  askedQueries,
  gainsOnReplies,
  overBm25OnReplies,
  predictionsOf,
  repliedQueries,
  type GainOnReplies,
  type SelectorAnswers,
} from './selector-answers.js';
import { costOf, type Prices } from './spending.js';
import { usageOf } from './tokens.js';

/** Replies off the list that are shown of each selector. */
const SHOWN_REPLIES = 5;

/**
 * One selector over all seeds. Shares are fractions of 1. Names and units are fixed: this is read by other programs. The scores are over
 * the queries with a reply under every seed, one off the list being wrong; null where there are none.
 */
export interface IclSummary extends Record<keyof PredictionScores, number | null> {
  readonly selector: string;
  /** On queries whose text is not in the pool; null where there are none. */
  readonly accuracyUnleaked: number | null;
  /** Of the vote of the same examples, on all queries that were asked; null for `none`. */
  readonly voteAccuracy: number | null;
  /** Its 95 % interval, as that of `accuracy`. */
  readonly voteLow: number | null;
  readonly voteHigh: number | null;
  /** Replies, over all seeds. */
  readonly replies: number;
  /** Replies that are no label of the list, cut-off ones included. */
  readonly offList: number;
  /** The most frequent of them, as they are: at most {@link SHOWN_REPLIES}. */
  readonly offListReplies: readonly { readonly reply: string; readonly count: number }[];
  /** Replies that the endpoint cut off: at the token limit, or by a filter. */
  readonly cutOff: number;
  /** Prompts without a reply: neither right nor wrong. */
  readonly failed: number;
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Examples in a prompt, mean; null where there was none. */
  readonly examples: number | null;
  /** Of a prompt with a reply, mean, as the endpoint told. */
  readonly promptTokens: number | null;
  /** Of a reply, mean, as the endpoint told. */
  readonly completionTokens: number | null;
  /** Replies whose tokens the endpoint did not tell: they are estimated. */
  readonly estimated: number;
  /** Of its prompts, those for which a call was made in this run, failed ones included. */
  readonly calls: number;
  /** Those whose reply came without a call of its own: kept from an earlier run, or that of an equal prompt. */
  readonly cached: number;
  /** Of the calls that made its replies, in this run or an earlier one: milliseconds from sending to the end of the reply. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly calls: number } | null;
  /** Mean over replies of what each cost when it was made; null without prices. */
  readonly costPerQuery: number | null;
  /** Absent for the baseline itself, and where no query got a reply of both. */
  readonly gain?: GainOnReplies;
}

/** Replies to different prompts. */
export interface Usage {
  readonly replies: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Replies whose tokens the endpoint did not tell: they are estimated. */
  readonly estimated: number;
  /** Null without prices. */
  readonly cost: number | null;
}

export interface IclReport {
  readonly summary: readonly IclSummary[];
  readonly baseline: string;
  readonly seeds: number;
  readonly k: number;
  /** Queries that were asked of every selector under every seed: all figures of selectors are over these. */
  readonly queries: number;
  /** Queries that were not: a cap was reached, or the endpoint was of no use. */
  readonly unasked: number;
  /** Queries, of those asked, whose text, but for case and spaces, is in the pool. */
  readonly leaked: number;
  /** The commonest label of the queries that were asked; null where there are none. */
  readonly majority: Majority | null;
  /** What the best selector by features gains over bm25; null unless both kinds are compared. */
  readonly overBm25: OverBm25 | null;
  /** Requests that this run sent, those tried again included. */
  readonly requests: number;
  /** Requests that got no answer: the endpoint may have counted them. */
  readonly lost: number;
  readonly usage: {
    /** Replies made in this run. */
    readonly run: Usage;
    /** All replies, those kept from earlier runs included. */
    readonly all: Usage;
  };
}

export interface IclReportOptions {
  readonly comparison: Comparison;
  readonly queries: readonly LabelledItem[];
  readonly labels: readonly string[];
  readonly plan: PromptPlan;
  readonly replies: Replies;
  readonly k: number;
  readonly baseline: string;
  readonly prices?: Prices | undefined;
  /** What left for the endpoint in this run. */
  readonly sent: { readonly requests: number; readonly lost: number };
}

/** @throws {FungiError} why there is none, when there is no reply at all */
export function iclReport(options: IclReportOptions): IclReport {
  const { comparison, plan, replies, labels, baseline, k, sent } = options;
  const { runs, leaked } = comparison;
  assertReplies(plan, replies);
  const queries = askedQueries(plan, replies);
  const truth = queries.map((query) => options.queries[query]!.label);
  const names = [...new Set(runs.map(({ selector }) => selector))];
  const all = names.map((name) => answersOf(name, { runs, queries, plan, replies, labels }));
  const gains = gainsOnReplies(all, baseline, truth);
  return {
    summary: all.map((own): IclSummary => {
      const gain = gains.get(own.selector);
      return { ...summaryOf(own, { ...options, asked: queries, truth }), ...(gain && { gain }) };
    }),
    ...{ baseline, k, seeds: runs.filter(({ selector }) => selector === baseline).length },
    queries: queries.length,
    unasked: options.queries.length - queries.length,
    leaked: queries.filter((query) => leaked[query]).length,
    majority: truth.length === 0 ? null : majorityOf(truth),
    overBm25: overBm25OnReplies(all, baseline, gains, truth),
    ...{ requests: sent.requests, lost: sent.lost },
    usage: { run: totalUsage(options, ({ now }) => now), all: totalUsage(options, () => true) },
  };
}

interface SummaryOptions extends IclReportOptions {
  /** Queries that were asked, and their labels [n]. */
  readonly asked: readonly number[];
  readonly truth: readonly string[];
}

function summaryOf(own: SelectorAnswers, options: SummaryOptions): IclSummary {
  const { comparison, asked, truth } = options;
  const replied = repliedQueries(own);
  const unleaked = replied.filter((i) => comparison.leaked[asked[i]!] !== true);
  const rightOf = (chosen: readonly number[]): boolean[] =>
    predictionsOf(own, truth, chosen).flatMap(({ correct }) => correct);
  const answers = own.asked.flat();
  const tally = tallyAnswers(answers.map(({ answer }) => ({ answer })));
  return {
    selector: own.selector,
    ...(replied.length === 0
      ? NO_SCORES
      : predictionScores(
          replied.map((i) => truth[i]!),
          predictionsOf(own, truth, replied),
        )),
    accuracyUnleaked: share(rightOf(unleaked)),
    ...voteOf(own, options),
    replies: tally.total - tally.failed,
    offList: tally.invalid,
    offListReplies: mostFrequent(answers.flatMap(({ answer }) => (answer.kind === 'invalid' ? [answer.reply] : []))),
    cutOff: answers.filter(({ answer }) => answer.kind === 'invalid' && answer.cut !== undefined).length,
    failed: tally.failed,
    failures: tally.failures,
    examples: meanOf(answers.flatMap(({ place }) => (FungiError.is(place) ? [] : [place.examples]))),
    ...effortOf(own, options),
  };
}

function voteOf(
  { selector, runs }: SelectorAnswers,
  { comparison, asked, truth }: SummaryOptions,
): Pick<IclSummary, 'voteAccuracy' | 'voteLow' | 'voteHigh'> {
  if (selector === NONE || asked.length === 0) return { voteAccuracy: null, voteLow: null, voteHigh: null };
  const votes = runs.map((run) => {
    const { predicted, correct } = comparison.runs[run]!;
    return { predicted: asked.map((query) => predicted[query]!), correct: asked.map((query) => correct[query]!) };
  });
  const { accuracy, low, high } = predictionScores(truth, votes);
  return { voteAccuracy: accuracy, voteLow: low, voteHigh: high };
}

type Effort = Pick<
  IclSummary,
  'promptTokens' | 'completionTokens' | 'estimated' | 'calls' | 'cached' | 'latencyMs' | 'costPerQuery'
>;

/** Tokens, calls, waiting and money. */
function effortOf({ runs, asked }: SelectorAnswers, { plan, prices }: SummaryOptions): Effort {
  const sent = asked.flatMap((run, seed) =>
    run.flatMap(({ place, prompt, reply }) => {
      if (FungiError.is(place)) return [];
      // An equal prompt of another selector or query, earlier in the plan, made the call.
      const isFirst = prompt!.run === runs[seed]! && plan.places[prompt!.run]![prompt!.query] === place;
      const called = reply!.kind === 'failed' || reply!.now;
      return [{ place, prompt: prompt!, reply: reply!, called: isFirst && called }];
    }),
  );
  const usages = sent.flatMap(({ prompt, reply }) =>
    reply.kind === 'reply' ? [usageOf(reply.completion, prompt)] : [],
  );
  const latencies = [...new Set(sent.map(({ reply }) => reply))].flatMap((reply) =>
    reply.kind === 'reply' && reply.completion.latencyMs !== undefined ? [reply.completion.latencyMs] : [],
  );
  return {
    promptTokens: meanOf(usages.map(({ promptTokens }) => promptTokens)),
    completionTokens: meanOf(usages.map(({ completionTokens }) => completionTokens)),
    estimated: usages.filter(({ estimated }) => estimated).length,
    calls: sent.filter(({ called }) => called).length,
    cached: sent.filter(({ called, reply }) => !called && reply.kind === 'reply').length,
    latencyMs:
      latencies.length === 0
        ? null
        : { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95), calls: latencies.length },
    costPerQuery: prices === undefined ? null : meanOf(usages.map((usage) => costOf(usage, prices))),
  };
}

/** Of the replies that `counts`, each once: those to queries that were not asked of every selector are paid for too. */
function totalUsage(
  { plan, replies, prices }: IclReportOptions,
  counts: (reply: Extract<Reply, { kind: 'reply' }>) => boolean,
): Usage {
  const usages = replies.of.flatMap((reply, place) =>
    reply?.kind === 'reply' && counts(reply) ? [usageOf(reply.completion, plan.prompts[place]!)] : [],
  );
  const total = (of: (usage: (typeof usages)[number]) => number): number =>
    usages.reduce((sum, usage) => sum + of(usage), 0);
  return {
    replies: usages.length,
    promptTokens: total(({ promptTokens }) => promptTokens),
    completionTokens: total(({ completionTokens }) => completionTokens),
    estimated: usages.filter(({ estimated }) => estimated).length,
    cost: prices === undefined ? null : total((usage) => costOf(usage, prices)),
  };
}

function mostFrequent(replies: readonly string[]): IclSummary['offListReplies'] {
  const counts = new Map<string, number>();
  for (const reply of replies) counts.set(reply, (counts.get(reply) ?? 0) + 1);
  return [...counts]
    .map(([reply, count]) => ({ reply, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, SHOWN_REPLIES);
}

function assertReplies(plan: PromptPlan, { of, stopped }: Replies): void {
  if (of.some((reply) => reply?.kind === 'reply')) return;
  const failed = of.find((reply) => reply?.kind === 'failed');
  const unmade = plan.places.flat().find((place) => FungiError.is(place));
  throw stopped ?? (failed?.kind === 'failed' ? failed.error : unmade!);
}

const NO_SCORES = { accuracy: null, low: null, high: null, macroF1: null, meanPerClass: null };
const meanOf = (values: readonly number[]): number | null => (values.length === 0 ? null : mean([...values]));
const share = (right: readonly boolean[]): number | null => meanOf(right.map(Number));
