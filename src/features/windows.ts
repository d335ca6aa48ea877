/** Splits a pool into windows that bound memory: a window's token states are held until its features are done. */
import type { Item } from '../core/item.js';
import type { EngineInfo } from '../engine/engine.js';
import type { Kept } from '../losses/loss.js';

/** Views, and characters of them together, in one window. */
const MAX_VIEWS = 1024;
const MAX_CHARACTERS = 400_000;
/** About what a token of a text has; media, whose tokens are counted, are measured in the same. */
const CHARACTERS_PER_TOKEN = 4;

/** What bounds a window of items of which states of pooling's tokens, or of all, are kept. */
export const keptOf = (info: EngineInfo, kept: Kept): Pick<EngineInfo, 'tokensPerItem'> =>
  kept === 'tokens' && info.tokensMade !== undefined ? { tokensPerItem: info.tokensMade } : info;

export interface Window {
  readonly start: number;
  readonly end: number;
}

/**
 * @param items the pool
 * @param views how many views each item's features are computed from, itself included
 * @param info of the engine they go through
 * @param start where to begin
 */
export function* windows(
  items: readonly Item[],
  views: number,
  { tokensPerItem }: Pick<EngineInfo, 'tokensPerItem'>,
  start = 0,
): Generator<Window> {
  let from = start;
  let characters = 0;
  for (let i = start; i < items.length; i++) {
    const length = tokensPerItem === undefined ? items[i]!.length : tokensPerItem * CHARACTERS_PER_TOKEN;
    const size = length * views;
    if (i > from && ((i - from) * views >= MAX_VIEWS || characters + size > MAX_CHARACTERS)) {
      yield { start: from, end: i };
      [from, characters] = [i, 0];
    }
    characters += size;
  }
  if (from < items.length) yield { start: from, end: items.length };
}
