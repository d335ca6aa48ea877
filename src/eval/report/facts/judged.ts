/** Whose answers the report is about: those of the examples' vote, or of an LLM that read the examples. */
import type { SelectorRun } from '../../compare/compare.js';
import type { LabelledItem } from '../../data/labelled.js';
import type { QueryAnswers } from '../../icl/query-answers.js';

/** Answers with the examples of one selector under one seed. */
export interface JudgedRun {
  readonly selector: string;
  readonly seed: number;
  /** The label answered; '' where there is none, since nothing was chosen or the reply is off the list [n]. */
  readonly predicted: readonly string[];
  /** Whether it is the query's own [n]. */
  readonly correct: readonly boolean[];
}

/** Queries that every judged run answered, and the answers to them. */
export interface Judged {
  readonly runs: readonly JudgedRun[];
  readonly queries: readonly LabelledItem[];
}

/** Answers of the LLM with the examples of the selectors named, to the queries that it replied to under every seed of all of them. */
export function judgedByLlm(
  runs: readonly SelectorRun[],
  answers: readonly QueryAnswers[],
  { queries, selectors }: { readonly queries: readonly LabelledItem[]; readonly selectors: readonly string[] },
): Judged {
  const shown = runs.flatMap((run, place) => (selectors.includes(run.selector) ? [place] : []));
  const answered = answers.filter(({ answers: own }) => shown.every((place) => isReply(own[place]!)));
  return {
    queries: answered.map(({ query }) => queries[query]!),
    runs: shown.map((place) => {
      const predicted = answered.map(({ answers: own }) => own[place]!.label ?? '');
      const correct = answered.map(({ label }, i) => label === predicted[i]);
      return { selector: runs[place]!.selector, seed: runs[place]!.seed, predicted, correct };
    }),
  };
}

/** Whether the LLM had its say: else it is neither right nor wrong. */
export const isReply = ({ reply }: Pick<QueryAnswers['answers'][number], 'reply'>): boolean =>
  reply !== 'failed' && reply !== 'unasked';

/** Answers that are wrong. */
export interface WrongAnswer {
  readonly query: number;
  /** '' as in {@link JudgedRun}. */
  readonly predicted: string;
}

export const wrongVotes = ({ correct, predicted }: JudgedRun): WrongAnswer[] =>
  correct.flatMap((right, query) => (right ? [] : [{ query, predicted: predicted[query]! }]));

/** @param run place among the runs */
export const wrongReplies = (answers: readonly QueryAnswers[], run: number): WrongAnswer[] =>
  answers.flatMap(({ query, label, answers: own }) => {
    const answer = own[run]!;
    return isReply(answer) && answer.label !== label ? [{ query, predicted: answer.label ?? '' }] : [];
  });
