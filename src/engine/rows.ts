/**
 * Rows of a tail run. Word-deletion views of an item repeat each other and the item itself; an item's equal views share one row, so
 * that each goes through the tail and back once. f(x) is then copied to the views by a 0/1 matrix, whose derivative adds up what
 * the views send back.
 */
import { float32, type Feeds } from '../runtime/session.js';
import { ROWS } from './forward.js';

/** The places of one item's rows: its views' without repetition, in order of first appearance. */
export const distinctRows = (views: readonly number[]): number[] => [...new Set(views)];

/** @param items for each of B items the places of its V views */
export function rowFeeds(items: readonly (readonly number[])[]): Feeds {
  const rows = items.map(distinctRows);
  const U = rows.reduce((sum, places) => sum + places.length, 0);
  const V = items[0]!.length;
  const views = new Float32Array(items.length * V * U);
  const owned = new Float32Array(items.length * U);
  let first = 0;
  items.forEach((places, item) => {
    const own = rows[item]!;
    places.forEach((place, view) => (views[(item * V + view) * U + first + own.indexOf(place)] = 1));
    owned.fill(1, item * U + first, item * U + first + own.length);
    first += own.length;
  });
  return { [ROWS.views]: float32(views, [items.length * V, U]), [ROWS.items]: float32(owned, [items.length, U]) };
}
