import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/fingerprint.js';
import type { ExampleInput } from '../core/item.js';

/** sha256 of rows' texts and labels, in order. Row by row, since the JSON of a large file is longer than a string may be. */
export function rowsFingerprint(rows: Iterable<ExampleInput>): string {
  const hash = createHash('sha256');
  // JSON holds no bare newline, so that no two lists of rows give the same lines.
  for (const { input, label } of rows) hash.update(`${canonicalJson([input, label])}\n`);
  return hash.digest('hex');
}
