/** Where a self-supervised loss gets several looks at one item from. */
import type { Json } from '../core/fingerprint.js';
import type { Content, View } from '../core/content.js';

/** Makes the V views of an item that a loss asks for: a pure function of its content and `settings`. */
export interface ViewMaker {
  /** V, views of one item. */
  readonly count: number;
  /** All that decides the views, with every default filled in. */
  readonly settings: Json;
  /** An item's content → its V views, in order. */
  views(content: Content): View[];
  /** Of a loss that compares tokens: which of an item's views, in the loss's order. Absent: it compares the views themselves. */
  tokens?(views: readonly View[]): readonly TokenOfView[];
}

/** A token of one of an item's views, both by number. */
export interface TokenOfView {
  readonly view: number;
  readonly token: number;
}

/** The one view that is the item itself (V = 1), for losses without augmentation. */
export const selfView: ViewMaker = { count: 1, settings: { kind: 'self' }, views: (content) => [content] };
