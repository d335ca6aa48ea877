/**
 * Which items share a run. Sorted by length, so that padding is rare; cut by padded tokens, not by rows: on a CPU a run is
 * fastest while its activations stay in cache, and 64 short texts cost more a text than 16.
 */
export interface BatchLimits {
  /** Padded tokens in one run. */
  readonly maxTokens: number;
  /** Rows in one run. */
  readonly maxRows: number;
  /** Items of more tokens than this share no run with others. @default Infinity */
  readonly apart?: number;
}

/**
 * @param lengths tokens of each item, of its longest row where it has several
 * @param rows rows that each item takes; default one
 * @returns item numbers, batch by batch, longest first (so that memory peaks at once and not at the end)
 */
export function batchesByTokens(
  lengths: readonly number[],
  limits: BatchLimits,
  rows: readonly number[] = lengths.map(() => 1),
): number[][] {
  const { maxTokens, maxRows, apart = Infinity } = limits;
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: number[][] = [];
  let current: number[] = [];
  let height = 0;
  for (const item of order) {
    const longest = lengths[current[0] ?? item]!;
    const next = height + rows[item]!;
    const parts = longest > apart && lengths[item]! <= apart;
    if (current.length > 0 && (parts || next > maxRows || next * longest > maxTokens)) {
      batches.push(current);
      [current, height] = [[], 0];
    }
    current.push(item);
    height += rows[item]!;
  }
  if (current.length > 0) batches.push(current);
  return batches;
}
