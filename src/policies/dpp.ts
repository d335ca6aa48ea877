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
  /** Squared distance of each candidate from the span of the chosen. */
  const rest = own.slice();
  const columns: Float64Array[] = [];
  return {
    of: (i) => (rest[i]! > EXHAUSTED * own[i]! ? weight * relevance[i]! + Math.log(rest[i]!) : -Infinity),
    take(chosen) {
      const root = Math.sqrt(rest[chosen]!);
      const column = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        if (rest[i] === 0) continue;
        let product = similarity(chosen, i);
        for (const earlier of columns) product -= earlier[chosen]! * earlier[i]!;
        column[i] = product / root;
        rest[i] = Math.max(0, rest[i]! - column[i]! ** 2);
      }
      rest[chosen] = 0;
      columns.push(column);
    },
  };
}
