/** Where a self-supervised loss gets several looks at one item from. */
import type { Json } from '../core/fingerprint.js';
import type { Item } from '../core/item.js';

/** Makes the V views of an item that a loss asks for: a pure function of the item and `settings`. */
export interface ViewMaker {
  /** V, views of one item. */
  readonly count: number;
  /** All that decides the views, with every default filled in. */
  readonly settings: Json;
  /** `item` → its V views, in order. */
  views(item: Item): Item[];
}

/** The one view that is the item itself (V = 1), for losses without augmentation. */
export const selfView: ViewMaker = { count: 1, settings: { kind: 'self' }, views: (item) => [item] };
