/** The policies one after the other: who may be chosen, in which order they are good, who is chosen, and why. Pure: no search, no clock. */
import type { Metric } from '../retrieve/distance.js';
import { adaptiveK } from './adaptive-k.js';
import { byDistance, type Candidate, type Dropped, type DropRule } from './candidate.js';
import { dppGains } from './dpp.js';
import { collapseDuplicates, exclude, type TextKey } from './eligibility.js';
import { explain, type ChoiceRule, type SelectionExplanation } from './explanation.js';
import { fuse } from './fusion.js';
import { chooseGreedily, topK, type Gains } from './greedy.js';
import { labelCap, labelFloor } from './label-limits.js';
import { mmrGains } from './mmr.js';
import type { Policy } from './options.js';
import { posterior, voteShares, voteWeights, type Posterior } from './posterior.js';
import { kernelOf, type Kernel } from './similarity.js';

export interface PolicyTask {
  readonly policy: Policy;
  /** Examples to choose. */
  readonly k: number;
  readonly metric: Metric;
  /** Text of the query as `key` has it of a candidate. */
  readonly query: string;
  readonly key: TextKey;
}

export interface PolicyOutcome {
  /** Best first: nearest first, or by rank in the joined order of distance and words. */
  readonly chosen: readonly Candidate[];
  /** What the candidates that may be chosen say of the query's label. */
  readonly posterior: () => Posterior;
  readonly explanation: () => SelectionExplanation;
}

interface Eligible {
  /** Nearest first. */
  readonly kept: readonly Candidate[];
  readonly dropped: readonly Dropped[];
}

/** @param candidates in any order */
export function selectExamples(candidates: readonly Candidate[], task: PolicyTask): PolicyOutcome {
  const { policy, k, metric } = task;
  const all = candidates.toSorted(byDistance);
  const { kept, dropped } = eligible(all, task);
  const ranked = rank(kept, policy);
  const { candidates: best, relevance } = ranked;
  const weights = voteWeights(best);
  const wanted = policy.adaptive === undefined ? k : adaptive(ranked, weights, k, policy);

  const kernel = lazily(() => kernelOf(best, metric));
  const choice = choose(ranked, wanted, policy, kernel);
  const { chosen, broughtIn, madeRoom } = labelFloor(best, choice, policy.minLabels ?? 0, wanted);
  const places = [...chosen].sort((a, b) => a - b);

  const likely = lazily(() => posterior(voteShares(best, weights), policy.calibration));
  return {
    chosen: places.map((i) => best[i]!),
    posterior: likely,
    explanation: () => {
      const whyNot = whyNotOf(best, choice, { k, wanted, policy });
      const isChosen = new Set(places);
      const unchosen = best.flatMap((candidate, i): Dropped[] => {
        if (isChosen.has(i)) return [];
        return [{ candidate, rule: madeRoom.has(i) ? 'min-labels' : whyNot(i) }];
      });
      const leftOut = unchosen.map(({ candidate }) => candidate).sort(byDistance)[0];
      const isNear = new Set(kept.slice(0, wanted));
      const why = (i: number): ChoiceRule => {
        if (broughtIn.has(i)) return 'min-labels';
        if (i < wanted) return relevance === undefined || isNear.has(best[i]!) ? 'nearest' : 'hybrid';
        return policy.choice.by === 'top-k' ? 'max-per-label' : policy.choice.by;
      };
      const explained = places.map((i) => ({ candidate: best[i]!, rule: why(i) }));
      const similarity = (distance: number): number => kernel().ofDistance(distance);
      return explain(all, explained, [...dropped, ...unchosen], { k, similarity, leftOut, posterior: likely() });
    },
  };
}

/**
 * Those that may be chosen, nearest first; of duplicates the nearest.
 *
 * @param candidates nearest first
 */
export function eligible(
  candidates: readonly Candidate[],
  { policy, metric, query, key }: Omit<PolicyTask, 'k'>,
): Eligible {
  const steps = [
    (given: readonly Candidate[]) =>
      policy.exclude === undefined
        ? { kept: given, dropped: [] }
        : exclude(given, { text: policy.exclude.query ? query : undefined, ids: new Set(policy.exclude.ids) }, key),
    (given: readonly Candidate[]) =>
      policy.duplicates === undefined
        ? { kept: given, dropped: [] }
        : collapseDuplicates(given, policy.duplicates, metric, key),
  ];
  return steps.reduce<Eligible>(
    ({ kept, dropped }, step) => {
      const sifted = step(kept);
      return { kept: sifted.kept, dropped: [...dropped, ...sifted.dropped] };
    },
    { kept: candidates, dropped: [] },
  );
}

interface Ranked {
  /** Best first. */
  readonly candidates: readonly Candidate[];
  /** [c] 0 to 1, where it is not nearness alone that ranks them. */
  readonly relevance: Float64Array | undefined;
}

/** @param near nearest first */
function rank(near: readonly Candidate[], { hybrid }: Policy): Ranked {
  if (hybrid === undefined) return { candidates: near, relevance: undefined };
  const places = near.map((_, i) => i);
  const wordy = places
    .filter((i) => near[i]!.words !== undefined)
    .sort((a, b) => near[b]!.words! - near[a]!.words! || a - b);
  const scores = fuse(
    near.length,
    [
      { order: places, weight: 1 - hybrid.weight },
      { order: wordy, weight: hybrid.weight },
    ],
    hybrid.constant,
  );
  const order = places.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return { candidates: order.map((i) => near[i]!), relevance: Float64Array.from(order, (i) => scores[i]!) };
}

function adaptive({ candidates, relevance }: Ranked, weights: Float64Array, k: number, policy: Policy): number {
  const { gap, mass, atLeast } = policy.adaptive!;
  const costs =
    relevance === undefined ? candidates.map(({ distance }) => distance) : relevance.map((score) => 1 - score);
  return adaptiveK(costs, weights, k, { gap, mass, atLeast: Math.max(atLeast, policy.minLabels ?? 1) });
}

/** @returns places, in order of choice */
function choose({ candidates, relevance }: Ranked, k: number, policy: Policy, kernel: () => Kernel): number[] {
  const limits = labelCap(candidates, policy.maxPerLabel);
  const chosen = chooseGreedily(candidates.length, k, gains(candidates, relevance, policy, kernel), limits);
  // A process of fewer dimensions than k has no volume left: the nearest of the others follow.
  const isChosen = new Set(chosen);
  for (let i = 0; i < candidates.length && chosen.length < k; i++) {
    if (isChosen.has(i) || !limits.admits(i)) continue;
    limits.take(i);
    chosen.push(i);
  }
  return chosen;
}

function gains(
  candidates: readonly Candidate[],
  relevance: Float64Array | undefined,
  { choice }: Policy,
  kernel: () => Kernel,
): Gains {
  if (choice.by === 'top-k') return topK;
  const { ofDistance, between } = kernel();
  const scores = relevance ?? candidates.map(({ distance }) => ofDistance(distance));
  return choice.by === 'mmr' ? mmrGains(scores, between, choice.lambda) : dppGains(scores, between, choice.theta);
}

/**
 * Why a candidate is not chosen, where it did not make room for a label.
 *
 * @param choice what was chosen before labels were brought in
 */
function whyNotOf(
  best: readonly Candidate[],
  choice: readonly number[],
  { k, wanted, policy }: { readonly k: number; readonly wanted: number; readonly policy: Policy },
): (i: number) => DropRule {
  const { by } = policy.choice;
  const cap = labelCap(best, policy.maxPerLabel);
  for (const i of choice) cap.take(i);
  const reach = choice.reduce((last, i) => Math.max(last, i), wanted - 1);
  return (i) => {
    if (i < reach && !cap.admits(i)) return 'max-per-label';
    if (i < wanted && by !== 'top-k') return by;
    return i < k ? 'adaptive-k' : 'beyond-k';
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
