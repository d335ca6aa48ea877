/** What a query costs: the time to make the features of one, alone, as a server meets them. */
import type { Item } from '../core/item.js';
import type { FeatureExtractor } from '../features/extractor.js';

/** Items that are timed, after one that warms up. */
const TIMED = 5;

/** Milliseconds an item, the least of a few of the pool: what the machine does beside it is not the query's. */
export async function queryMs(extractor: FeatureExtractor, items: readonly Item[]): Promise<number> {
  const times: number[] = [];
  for (const item of items.slice(0, TIMED + 1)) {
    const began = performance.now();
    await extractor.extract([item]);
    times.push(performance.now() - began);
  }
  const warm = times.length > 1 ? times.slice(1) : times;
  return Math.min(...warm);
}
