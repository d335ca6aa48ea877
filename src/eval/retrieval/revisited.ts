/**
 * The revisited Oxford and Paris protocol (Radenović et al. 2018; paper Appendix B, Table 11). Images of a landmark are easy or hard
 * to recognise, or junk. Each difficulty wants some of them and leaves others out of the ranking, as if they were not there.
 */
import { FungiError } from '../../core/errors.js';

/** Numbers of images of the database, by how they show a query's landmark; all others do not. */
export interface QueryTruth {
  readonly easy: readonly number[];
  readonly hard: readonly number[];
  readonly junk: readonly number[];
}

export const DIFFICULTIES = ['easy', 'medium', 'hard'] as const;
export type Difficulty = (typeof DIFFICULTIES)[number];

/** Scores of one query. */
export interface QueryPrecision {
  readonly averagePrecision: number;
  /** By depth. */
  readonly precision: readonly number[];
}

const PARTS: Record<
  Difficulty,
  { readonly wanted: readonly (keyof QueryTruth)[]; readonly left: keyof QueryTruth | null }
> = {
  easy: { wanted: ['easy'], left: 'hard' },
  medium: { wanted: ['easy', 'hard'], left: null },
  hard: { wanted: ['hard'], left: 'easy' },
};

/**
 * Scores one ranking. The average precision is the area under the precision-recall curve by trapezoids: each wanted image counts with
 * the mean of the precisions before and after it. Precision at k looks no deeper than the last wanted image.
 *
 * @param ranking numbers of images, nearest first; wanted images it lacks count 0
 * @param depths k
 * @returns null where the query wants no image at this difficulty: it is left out of means
 * @throws {FungiError} INVALID_ARGUMENT when a depth is not a positive integer
 */
export function scoreRanking(
  ranking: readonly number[],
  truth: QueryTruth,
  difficulty: Difficulty,
  depths: readonly number[],
): QueryPrecision | null {
  for (const k of depths) {
    if (Number.isSafeInteger(k) && k >= 1) continue;
    throw new FungiError('INVALID_ARGUMENT', `a depth must be a positive integer, got ${k}`);
  }
  const { wanted, left } = PARTS[difficulty];
  const positive = new Set(wanted.flatMap((part) => truth[part]));
  const ignored = new Set([...truth.junk, ...(left === null ? [] : truth[left])]);
  if (positive.size === 0) return null;

  const places: number[] = [];
  let place = 0;
  for (const image of ranking) {
    if (ignored.has(image)) continue;
    if (positive.has(image)) places.push(place);
    place++;
  }
  let area = 0;
  places.forEach((at, found) => {
    const before = at === 0 ? 1 : found / at;
    const after = (found + 1) / (at + 1);
    area += (before + after) / 2;
  });
  const deepest = (places.at(-1) ?? 0) + 1;
  const precision = depths.map((k) => {
    const depth = Math.min(k, deepest);
    return places.filter((at) => at < depth).length / depth;
  });
  return { averagePrecision: area / positive.size, precision };
}
