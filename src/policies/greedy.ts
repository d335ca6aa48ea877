/** Choosing one after the other what is best beside the chosen: top-k, MMR and DPP differ in what "best" is. */

/** How good each candidate is now; −Infinity for one that is no good any more. */
export interface Gains {
  /** @param bar what it has to exceed to matter: for one that does not, any number up to the bar will do */
  of(candidate: number, bar: number): number;
  /** It is chosen: what the others are worth may change. */
  take(candidate: number): void;
}

/** What may be chosen. */
export interface Limits {
  admits(candidate: number): boolean;
  take(candidate: number): void;
}

export const noLimits: Limits = { admits: () => true, take: () => undefined };

/** Gains this close are equal but for rounding: the earlier candidate is taken. */
const ROUNDING = 1e-12;

/**
 * @param count candidates, best first by themselves
 * @returns places in the order of choice; fewer than k when the limits or the gains leave fewer
 */
export function chooseGreedily(count: number, k: number, gains: Gains, limits = noLimits): number[] {
  const chosen: number[] = [];
  const left = new Set(Array.from({ length: count }, (_, i) => i));
  while (chosen.length < k) {
    let best = -1;
    let most = -Infinity;
    for (const candidate of left) {
      if (!limits.admits(candidate)) continue;
      const gain = gains.of(candidate, most);
      if (gain > most + ROUNDING) [best, most] = [candidate, gain];
    }
    if (best === -1) break;
    chosen.push(best);
    left.delete(best);
    limits.take(best);
    gains.take(best);
  }
  return chosen;
}

/** The nearest first. */
export const topK: Gains = { of: (candidate) => -candidate, take: () => undefined };
