/** Why these examples, in words that JSON can hold. */
import type { BlockSplit } from './block-split.js';
import type { Candidate, Dropped, DropRule } from './candidate.js';
import type { Posterior } from './posterior.js';

export const CHOICE_RULES = ['nearest', 'hybrid', 'mmr', 'dpp', 'max-per-label', 'min-labels'] as const;

/**
 * Why an example is chosen: it is among the k nearest (`nearest`), or k best by distance and words (`hybrid`), or stands in for one of those by
 * what the rule of this name asks.
 */
export type ChoiceRule = (typeof CHOICE_RULES)[number];

export interface ExplainedExample {
  readonly id: string;
  readonly label: string;
  /** Among the chosen, from 1. */
  readonly rank: number;
  /** Among all candidates by distance, from 1. */
  readonly nearness: number;
  readonly distance: number;
  /** To the query, 0 to 1: what MMR and DPP weigh. */
  readonly similarity: number;
  /** How much nearer it is than the nearest that could have been chosen and was not; absent where all were. Negative where a rule brought it in. */
  readonly margin?: number;
  /** BM25, where words count. */
  readonly words?: number;
  readonly rule: ChoiceRule;
  /** What each block of the features has to do with its distance, where that was asked for. */
  readonly split?: BlockSplit;
}

export interface ExplainedDrop {
  readonly id: string;
  readonly label: string;
  readonly nearness: number;
  readonly distance: number;
  readonly rule: DropRule;
  /** Id of the example that a duplicate is one of. */
  readonly of?: string;
}

export interface SelectionExplanation {
  /** Rows that were looked at: the chosen and the dropped. */
  readonly candidates: number;
  /** Examples that were asked for. */
  readonly k: number;
  /** By rank. */
  readonly chosen: readonly ExplainedExample[];
  /** Nearest first. */
  readonly dropped: readonly ExplainedDrop[];
  readonly posterior: Posterior;
}

export interface ChosenCandidate {
  readonly candidate: Candidate;
  readonly rule: ChoiceRule;
}

/**
 * @param candidates all of them, nearest first
 * @param chosen by rank
 * @param leftOut the nearest that could have been chosen and was not
 */
export function explain(
  candidates: readonly Candidate[],
  chosen: readonly ChosenCandidate[],
  dropped: readonly Dropped[],
  {
    k,
    similarity,
    leftOut,
    posterior,
  }: {
    readonly k: number;
    readonly similarity: (distance: number) => number;
    readonly leftOut: Candidate | undefined;
    readonly posterior: Posterior;
  },
): SelectionExplanation {
  const nearness = new Map(candidates.map(({ row }, i) => [row, i + 1]));
  return {
    candidates: candidates.length,
    k,
    chosen: chosen.map(({ candidate: { row, example, distance, words }, rule }, i) => ({
      id: example.id,
      label: example.label,
      rank: i + 1,
      nearness: nearness.get(row)!,
      distance,
      similarity: similarity(distance),
      ...(leftOut && { margin: leftOut.distance - distance }),
      ...(words !== undefined && { words }),
      rule,
    })),
    dropped: dropped
      .map(({ candidate: { row, example, distance }, rule, of }): ExplainedDrop => {
        // There are hundreds of these a query: one literal each.
        const { id, label } = example;
        const drop = { id, label, nearness: nearness.get(row)!, distance, rule };
        return of === undefined ? drop : { ...drop, of: of.example.id };
      })
      .sort((a, b) => a.nearness - b.nearness),
    posterior,
  };
}
