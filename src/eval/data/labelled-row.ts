import type { Row } from './rows.js';

/** A row of a source that has its own idea of text and label: they stand under the default keys. */
export const labelledRow = (
  where: string,
  text: string,
  label: string,
  more: readonly [string, unknown][] = [],
): Row => ({
  where,
  fields: new Map<string, unknown>([['text', text], ['label', label], ...more]),
});
