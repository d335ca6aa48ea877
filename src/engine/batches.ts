/**
 * Which items share a run. Sorted by length, so that padding is rare; cut by padded tokens, not by rows: on a CPU a run is
 * fastest while its activations stay in cache, and 64 short texts cost more a text than 16.
 */
export interface BatchLimits {
  /** Padded tokens in one run. */
  readonly maxTokens: number;
  /** Items in one run. */
  readonly maxItems: number;
}

/**
 * @param lengths tokens of each item
 * @returns item numbers, batch by batch, longest first (so that memory peaks at once and not at the end)
 */
export function batchesByTokens(lengths: readonly number[], limits: BatchLimits): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: number[][] = [];
  let current: number[] = [];
  for (const item of order) {
    const longest = lengths[current[0] ?? item]!;
    if (
      current.length > 0 &&
      (current.length >= limits.maxItems || (current.length + 1) * longest > limits.maxTokens)
    ) {
      batches.push(current);
      current = [];
    }
    current.push(item);
  }
  if (current.length > 0) batches.push(current);
  return batches;
}
