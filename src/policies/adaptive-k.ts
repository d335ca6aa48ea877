/** How many examples a query needs: as many as lie before a gap, or as many as hold the weight of the vote. */

export interface AdaptiveK {
  /** Ends before a step that is larger than this part of the way from the nearest to the (k+1)-th. */
  readonly gap?: number | undefined;
  /** Ends when the chosen hold this part of the weights of all candidates. */
  readonly mass?: number | undefined;
  /** At least so many. */
  readonly atLeast: number;
}

/**
 * @param costs [c] ascending: distances, or what stands for them
 * @param weights [c] of the vote
 * @returns 1 to k, or the number of candidates where there are fewer
 */
export function adaptiveK(
  costs: ArrayLike<number>,
  weights: ArrayLike<number>,
  k: number,
  { gap, mass, atLeast }: AdaptiveK,
): number {
  const most = Math.min(k, costs.length);
  const least = Math.min(atLeast, most);
  const last = Math.min(k, costs.length - 1);
  const range = costs.length === 0 ? 0 : costs[last]! - costs[0]!;
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  let held = 0;
  for (let taken = 1; taken < most; taken++) {
    held += weights[taken - 1]!;
    if (taken < least) continue;
    if (mass !== undefined && held >= mass * total) return taken;
    if (gap !== undefined && range > 0 && costs[taken]! - costs[taken - 1]! > gap * range) return taken;
  }
  return most;
}
