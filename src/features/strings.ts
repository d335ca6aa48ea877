/** Each distinct string through the trunk once: word-deletion views repeat each other and the text itself (lossless, 1.7× on TREC). */
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { GradientEngine } from '../engine/engine.js';
import type { States } from '../engine/states.js';

export interface EncodedStrings {
  readonly states: States;
  /** Place of an item in `states`. */
  place(item: Item): number;
}

export async function encodeDistinct(
  engine: GradientEngine,
  items: Iterable<Item>,
  onProgress?: OnProgress,
): Promise<EncodedStrings> {
  const places = new Map<Item, number>();
  for (const item of items) if (!places.has(item)) places.set(item, places.size);
  const states = await engine.encode([...places.keys()], onProgress);
  return { states, place: (item) => places.get(item)! };
}
