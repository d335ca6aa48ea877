/**
 * Greedy MAP of a determinantal point process (Kulesza & Taskar 2012): the set whose quality times volume is greatest. Fast by a Cholesky factor that grows
 * by a column a choice (Chen, Zhang & Zhou 2018): O(c·k²) for all, and c similarities a choice.
 */
import type { Gains } from './greedy.js';

/** Below this share of itself, a candidate is a combination of the chosen but for rounding. */
const EXHAUSTED = 1e-10;

/**
 * With L = diag(q)·S·diag(q) and q = exp(α·relevance), α = θ/(2(1 − θ)): log det L_Y = 2α·Σ relevance + log det S_Y. The gain of a
 * candidate is what the determinant's logarithm grows by.
 *
 * @param relevance [c] of each candidate to the query
 * @param similarity S, positive semi-definite
 * @param theta θ, 0 to below 1: 0 is volume alone, towards 1 nearness alone
 */
export function dppGains(
  relevance: ArrayLike<number>,
  similarity: (i: number, j: number) => number,
  theta: number,
): Gains {
  const count = relevance.length;
  const weight = theta / (1 - theta);
  const own = Float64Array.from({ length: count }, (_, i) => similarity(i, i));
  /** Squared distance of each candidate from the span of the chosen that it was compared with: it only falls. */
  const rest = own.slice();
  /** Of each candidate, its row of the Cholesky factor, as long as it was compared. */
  const factor = Array.from({ length: count }, (): number[] => []);
  const chosen: { readonly candidate: number; readonly root: number }[] = [];
  const gain = (i: number): number =>
    rest[i]! > EXHAUSTED * own[i]! ? weight * relevance[i]! + Math.log(rest[i]!) : -Infinity;
  const compare = (i: number): void => {
    const row = factor[i]!;
    const { candidate, root } = chosen[row.length]!;
    const other = factor[candidate]!;
    let product = similarity(candidate, i);
    for (let t = 0; t < row.length; t++) product -= other[t]! * row[t]!;
    const entry = product / root;
    row.push(entry);
    rest[i] = Math.max(0, rest[i]! - entry * entry);
  };
  return {
    of(i, bar) {
      let known = gain(i);
      for (; known > bar && factor[i]!.length < chosen.length; known = gain(i)) compare(i);
      return known;
    },
    take(i) {
      chosen.push({ candidate: i, root: Math.sqrt(rest[i]!) });
    },
  };
}
