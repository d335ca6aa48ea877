/**
 * Maximal marginal relevance (Carbonell & Goldstein 1998): examples that are near the query and far from each other.
 */
import { FungiError } from '../core/errors.js';
import { chooseGreedily, type Gains } from './greedy.js';
import { dot, unit } from './similarity.js';

export interface MmrOptions {
  /** How many to choose. */
  readonly k: number;
  /** λ: 1 is nearness alone, 0 distance from what is chosen alone. @default 0.5 */
  readonly lambda?: number;
}

/**
 * λ·relevance − (1 − λ)·the greatest similarity to one that is chosen.
 *
 * @param relevance [c] of each candidate to the query
 */
export function mmrGains(
  relevance: ArrayLike<number>,
  similarity: (i: number, j: number) => number,
  lambda: number,
): Gains {
  // A gain only falls as more is chosen: what is below the bar by the first few of the chosen need not be compared with the others.
  const redundancy = Array.from(relevance, () => -Infinity);
  const compared = Array.from(relevance, () => 0);
  const chosen: number[] = [];
  const gain = (i: number): number => lambda * relevance[i]! - (1 - lambda) * (compared[i] === 0 ? 0 : redundancy[i]!);
  return {
    of(i, bar) {
      if (lambda === 1) return relevance[i]!; // nothing is subtracted: no similarity need be known
      let known = compared[i] === 0 && chosen.length > 0 ? Infinity : gain(i);
      for (; known > bar && compared[i]! < chosen.length; known = gain(i)) {
        redundancy[i] = Math.max(redundancy[i]!, similarity(i, chosen[compared[i]!]!));
        compared[i]! += 1;
      }
      return known;
    },
    take: (i) => chosen.push(i),
  };
}

/**
 * Chooses one after the other the candidate that maximises λ·cos(q, x) − (1 − λ)·max over the chosen s of cos(x, s).
 *
 * @param query [P]
 * @param candidates [c,P]
 * @returns places of the chosen candidates, in the order of choice; ties go to the earlier candidate
 * @throws {FungiError} INVALID_ARGUMENT for k below 1 or λ outside 0 to 1
 */
export function mmr(query: Float32Array, candidates: Float32Array, { k, lambda = 0.5 }: MmrOptions): number[] {
  if (!Number.isSafeInteger(k) || k < 1)
    throw new FungiError('INVALID_ARGUMENT', `k must be a positive integer, got ${k}`);
  if (!(lambda >= 0 && lambda <= 1))
    throw new FungiError('INVALID_ARGUMENT', `lambda must be from 0 to 1, got ${lambda}`);
  const dims = query.length;
  const rows = Array.from({ length: candidates.length / dims }, (_, i) =>
    unit(candidates.subarray(i * dims, (i + 1) * dims)),
  );
  const q = unit(query);
  const relevance = rows.map((row) => dot(q, row));
  return chooseGreedily(
    rows.length,
    k,
    mmrGains(relevance, (i, j) => dot(rows[i]!, rows[j]!), lambda),
  );
}
