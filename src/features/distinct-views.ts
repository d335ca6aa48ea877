/** Each distinct view through the trunk once: word-deletion views repeat each other and the text itself (lossless, 1.7× on TREC). */
import { viewKey, type View } from '../core/content.js';
import type { OnProgress } from '../core/progress.js';
import type { GradientEngine } from '../engine/engine.js';
import type { States } from '../engine/states.js';
import type { Kept } from '../losses/loss.js';

export interface EncodedViews {
  readonly states: States;
  /** Place of a view in `states`. */
  place(view: View): number;
}

export async function encodeDistinct(
  engine: GradientEngine,
  views: Iterable<View>,
  onProgress?: OnProgress,
  kept?: Kept,
): Promise<EncodedViews> {
  const places = new Map<string, number>();
  const distinct: View[] = [];
  for (const view of views) {
    const key = viewKey(view);
    if (places.has(key)) continue;
    places.set(key, distinct.length);
    distinct.push(view);
  }
  const states = await engine.encode(distinct, onProgress, kept);
  return { states, place: (view) => places.get(viewKey(view))! };
}
