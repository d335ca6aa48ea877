/** What media held when an index was made of them: a path says where they lie, and no more. */
import { fingerprintLines } from '../core/fingerprint.js';
import type { Example } from '../core/item.js';

/**
 * sha256, hex, of ids and contents, whatever the order.
 *
 * @param keys of the examples' items, as the encoder identifies them [n]
 */
export function contentsDigest(examples: readonly Pick<Example, 'id'>[], keys: readonly string[]): string {
  const lines = examples.map(({ id }, i): readonly [string, string] => [id, keys[i]!]);
  return fingerprintLines(lines.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
