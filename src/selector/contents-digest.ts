/** What an index was made of, so that it can be told later whether that is the same. */
import { fingerprintLines } from '../core/fingerprint.js';
import type { Example } from '../core/item.js';
import type { Manifest } from '../store/manifest.js';
import { contentOf } from './stored-examples.js';

/** sha256, hex, of all that examples are, whatever the order; of media that is where they lie, and no more. */
export const examplesDigest = (examples: readonly Example[]): string =>
  contentsDigest(examples, examples.map(contentOf));

/** Whether these are what an index was built of; of one whose manifest does not tell, they are not. */
export const areOfBuild = (examples: readonly Example[], manifest: Pick<Manifest, 'examples'>): boolean =>
  manifest.examples === examplesDigest(examples);

/**
 * sha256, hex, of ids and contents, whatever the order: of media what they held.
 *
 * @param keys of the examples' items, as the encoder identifies them [n]
 */
export function contentsDigest(examples: readonly Pick<Example, 'id'>[], keys: readonly string[]): string {
  const lines = examples.map(({ id }, i): readonly [string, string] => [id, keys[i]!]);
  return fingerprintLines(lines.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
