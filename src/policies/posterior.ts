/** How likely each label is, by the query's neighbours: a distance-weighted vote (Dudani 1976), calibrated where it was measured how often it is right. */
import { calibrated, type Calibration } from './calibration.js';
import type { Candidate } from './candidate.js';

export interface LabelProbability<L = string> {
  readonly label: L;
  readonly probability: number;
}

export interface Posterior {
  /** Most likely first. */
  readonly labels: readonly LabelProbability[];
  /** Probability that it is none of them; 0 where nothing is calibrated. */
  readonly other: number;
  /** Probability of the first. */
  readonly confidence: number;
  /** Whether probabilities are calibrated; else they are shares of the vote. */
  readonly calibrated: boolean;
}

/** Neighbour at whose distance a weight has fallen to {@link FALL}: what lies behind hardly counts. */
const NEIGHBOURS = 20;
const FALL = Math.exp(-3);

/**
 * Weights of a vote: 1 for the nearest, falling with the square of the distance at a pace that the query's own neighbourhood sets, so that a
 * dense and a sparse region are alike.
 *
 * @returns [c] in the order of the candidates
 */
export function voteWeights(candidates: readonly Pick<Candidate, 'distance'>[]): Float64Array {
  const squares = Float64Array.from(candidates, ({ distance }) => distance * distance);
  const sorted = squares.toSorted();
  const nearest = sorted[0] ?? 0;
  const range = (sorted[Math.min(NEIGHBOURS, sorted.length) - 1] ?? 0) - nearest;
  return squares.map((square) => {
    if (square === nearest) return 1;
    return range === 0 ? 0 : FALL ** ((square - nearest) / range);
  });
}

/** Shares of the vote, greatest first; among equals the label of the earlier candidate. */
export function voteShares(
  candidates: readonly Pick<Candidate, 'example' | 'distance'>[],
  weights: ArrayLike<number> = voteWeights(candidates),
): LabelProbability[] {
  return labelShares(
    candidates.map(({ example: { label } }) => label),
    weights,
  );
}

/** {@link voteShares} of those who have these labels and weights, nearest first. */
export function labelShares<L>(labels: readonly L[], weights: ArrayLike<number>): LabelProbability<L>[] {
  const sums = new Map<L, number>();
  let total = 0;
  labels.forEach((label, i) => {
    sums.set(label, (sums.get(label) ?? 0) + weights[i]!);
    total += weights[i]!;
  });
  return [...sums]
    .map(([label, sum]) => ({ label, probability: sum / total }))
    .sort((a, b) => b.probability - a.probability);
}

/**
 * With a calibration the first label gets the share of queries in which a first label of its score was right. The others get what is left in proportion
 * to their shares, none more than the first; what no label takes is `other`.
 *
 * @param shares greatest first
 */
export function posterior(shares: readonly LabelProbability[], calibration?: Calibration): Posterior {
  const [first, ...rest] = shares;
  if (first === undefined) return { labels: [], other: 1, confidence: 0, calibrated: calibration !== undefined };
  if (calibration === undefined) {
    return { labels: shares, other: 0, confidence: first.probability, calibrated: false };
  }
  const confidence = calibrated(calibration, first.probability);
  const scale = first.probability < 1 ? (1 - confidence) / (1 - first.probability) : 0;
  const others = rest.map(({ label, probability }) => ({
    label,
    probability: Math.min(confidence, probability * scale),
  }));
  const labels = [{ label: first.label, probability: confidence }, ...others];
  const sum = labels.reduce((total, { probability }) => total + probability, 0);
  return { labels, other: Math.max(0, 1 - sum), confidence, calibrated: true };
}

/**
 * The labels that a prompt need offer: the most likely ones until only `alpha` of the probability is left, and those of the examples it shows. All of
 * them where the candidates' labels do not hold so much, or none of the list is likely.
 *
 * @param labels the closed list; its order is kept
 * @param shown labels of the chosen examples
 */
export function narrowLabels(
  labels: readonly string[],
  { labels: likely, other }: Posterior,
  shown: Iterable<string>,
  alpha: number,
): string[] {
  if (other > alpha) return [...labels];
  const kept = new Set(shown);
  let held = 0;
  for (const { label, probability } of likely) {
    if (held >= 1 - alpha) break;
    held += probability;
    kept.add(label);
  }
  const narrowed = labels.filter((label) => kept.has(label));
  return narrowed.length > 0 ? narrowed : [...labels];
}
