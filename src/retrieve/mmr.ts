/**
 * Maximal marginal relevance (Carbonell & Goldstein 1998): examples that are near the query and far from each other.
 */
import { FungiError } from '../core/errors.js';

export interface MmrOptions {
  /** How many to choose. */
  readonly k: number;
  /** λ: 1 is nearness alone, 0 distance from what is chosen alone. @default 0.5 */
  readonly lambda?: number;
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
  const redundancy = rows.map(() => -Infinity);
  const chosen: number[] = [];
  const left = new Set(rows.keys());
  while (chosen.length < k && left.size > 0) {
    let best = -1;
    let bestScore = -Infinity;
    for (const row of left) {
      const penalty = chosen.length === 0 ? 0 : redundancy[row]!;
      const score = lambda * relevance[row]! - (1 - lambda) * penalty;
      if (score > bestScore + ROUNDING) [best, bestScore] = [row, score];
    }
    chosen.push(best);
    left.delete(best);
    for (const row of left) redundancy[row] = Math.max(redundancy[row]!, dot(rows[row]!, rows[best]!));
  }
  return chosen;
}

/** Scores this close are equal but for rounding. */
const ROUNDING = 1e-12;

/** At length 1; a zero vector is at cosine 0 to everything. */
function unit(vector: Float32Array): Float64Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
  return Float64Array.from(vector, (value) => value / norm);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
