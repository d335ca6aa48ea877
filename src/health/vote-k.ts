/**
 * Which items to label next: vote-k (Su et al. 2022, its graph part). Every candidate votes for its k nearest, the less the more of these are
 * labelled already, so that the chosen stand for many and lie apart. What the pool holds counts as labelled from the beginning.
 *
 * Axes: m candidates, k neighbours of each.
 */

import { Pace } from './pace.js';

/** The neighbours of each candidate among candidates and pool together. */
export interface CandidateGraph {
  /** Candidates among the k nearest of each, by number [m][≤k]. */
  readonly candidates: readonly (readonly number[])[];
  /** Rows of the pool among them [m]. */
  readonly pooled: readonly number[];
}

/** What one more labelled neighbour divides a candidate's vote by. */
const RHO = 10;
/** Scores that agree in so many digits are equal: ten tenths are no less than a whole. */
const DIGITS = 12;

export interface Chosen {
  /** Number of the candidate. */
  readonly candidate: number;
  /** Candidates that have it among their k nearest. */
  readonly votes: number;
  /** What it was chosen by: of those that are not chosen themselves each counts 1, divided by ten for each of its own k nearest that is labelled or chosen. */
  readonly score: number;
}

/** The chosen, best first, so that scores fall; among equals the earlier candidate. All of them where there are no more than `count`. */
export async function voteK(
  { candidates, pooled }: CandidateGraph,
  count: number,
  pace = new Pace(),
): Promise<Chosen[]> {
  const labelled = Float64Array.from(pooled);
  const voters = candidates.map((): number[] => []);
  candidates.forEach((neighbours, candidate) => {
    for (const neighbour of neighbours) voters[neighbour]!.push(candidate);
  });
  const isChosen = new Uint8Array(candidates.length);
  // Summed anew after each choice: differences of numbers that lie so far apart would leave nothing but rounding.
  const scoreOf = (candidate: number): number => {
    let sum = 0;
    for (const voter of voters[candidate]!) if (isChosen[voter] === 0) sum += RHO ** -labelled[voter]!;
    return Number(sum.toPrecision(DIGITS));
  };
  const scores = new Float64Array(candidates.length);
  const update = (numbers: readonly number[]): Promise<void> =>
    pace.each(numbers.length, (i) => {
      scores[numbers[i]!] = scoreOf(numbers[i]!);
    });
  await update([...candidates.keys()]);
  const chosen: Chosen[] = [];
  while (chosen.length < Math.min(count, candidates.length)) {
    let best = -1;
    scores.forEach((score, candidate) => {
      if (isChosen[candidate] === 0 && (best < 0 || score > scores[best]!)) best = candidate;
    });
    chosen.push({ candidate: best, votes: voters[best]!.length, score: scores[best]! });
    isChosen[best] = 1;
    const changed = new Set(candidates[best]); // it votes no longer
    const backers = voters[best]!;
    await pace.each(backers.length, (i) => {
      labelled[backers[i]!]!++;
      for (const neighbour of candidates[backers[i]!]!) changed.add(neighbour);
    });
    await update([...changed]);
  }
  return chosen;
}
