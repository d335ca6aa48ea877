/** What a manifest says of a choice made on the examples. */
import type { AutoChoice } from '../auto/auto-fitter.js';
import type { Item } from '../core/item.js';
import type { FeatureExtractor } from '../features/extractor.js';
import type { ChoiceFacts } from '../store/manifest.js';
import { queryMs } from './query-cost.js';

/**
 * @param extractor of all losses that could be chosen
 * @param items of the pool, of which some are timed
 */
export async function choiceFacts(
  { losses, k, tried, skipped, expected }: AutoChoice,
  extractor: FeatureExtractor,
  items: readonly Item[],
): Promise<ChoiceFacts> {
  const embedding = await queryMs(extractor.restrictedTo([]), items);
  const chosen = losses.length === 0 ? embedding : await queryMs(extractor.restrictedTo(losses), items);
  return {
    ...{ tried: [...tried], skipped: skipped.map((set) => [...set]), losses: [...losses], voters: k, expected },
    queryMs: { chosen, embedding },
  };
}
