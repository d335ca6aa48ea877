/** From the views of items to what a program runs on: their places in the trunk's states, or those of their tokens. */
import type { View } from '../core/content.js';
import { eachToken, type States } from '../engine/states.js';
import type { ViewMaker } from '../views/view.js';
import type { EncodedViews } from './distinct-views.js';

export interface PlacedViews {
  readonly states: States;
  /** Of each of B items the V places. */
  readonly places: readonly (readonly number[])[];
}

/** @param encoded with all tokens kept, where the maker names tokens */
export function placedViews(
  encoded: EncodedViews,
  maker: Pick<ViewMaker, 'tokens'>,
  views: readonly (readonly View[])[],
): PlacedViews {
  const { states } = encoded;
  const places = views.map((own) => own.map((view) => encoded.place(view)));
  if (maker.tokens === undefined) return { states, places };
  const tokens = views.map((own, item) =>
    maker.tokens!(own).map(({ view, token }) => states.offsets[places[item]![view]!]! + token),
  );
  return { states: eachToken(states), places: tokens };
}
