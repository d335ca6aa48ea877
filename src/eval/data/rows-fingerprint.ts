import { fingerprintLines } from '../../core/fingerprint.js';
import type { ExampleInput } from '../../core/item.js';

/** sha256 of rows' texts and labels, in order. */
export const rowsFingerprint = (rows: readonly ExampleInput[]): string => fingerprintLines(pairs(rows));

function* pairs(rows: readonly ExampleInput[]): Iterable<[string, string]> {
  for (const { input, label } of rows) yield [input, label];
}
