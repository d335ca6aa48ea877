/** Splits a pool into windows that bound memory: a window's token states are held until its features are done. */
import type { Item } from '../core/item.js';

/** Items, and characters of all their views together, in one window. */
const MAX_ITEMS = 1024;
const MAX_CHARACTERS = 400_000;

export interface Window {
  readonly start: number;
  readonly end: number;
}

/**
 * @param items the pool
 * @param strings how many strings each item's features are computed from (1 + views)
 * @param start where to begin
 */
export function* windows(items: readonly Item[], strings: number, start = 0): Generator<Window> {
  let from = start;
  let characters = 0;
  for (let i = start; i < items.length; i++) {
    const size = items[i]!.length * strings;
    if (i > from && ((i - from) * strings >= MAX_ITEMS || characters + size > MAX_CHARACTERS)) {
      yield { start: from, end: i };
      [from, characters] = [i, 0];
    }
    characters += size;
  }
  if (from < items.length) yield { start: from, end: items.length };
}
