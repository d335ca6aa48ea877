/** What the data are like, with examples of what a reader may want to mend. */
import type { TruncatedRows } from '../../classify/classify.js';
import type { DataCounts } from '../../data/data-counts.js';
import { sameBy } from '../../data/media.js';
import { findDuplicates, findLabelConflicts, findOverlap } from '../../../core/duplicates.js';
import { groupRows } from '../../../core/group-rows.js';
import type { LabelledItem } from '../../data/labelled.js';

export interface DataNotes {
  readonly counts: DataCounts;
  /** Pool rows (`train`) and queries (`test`) longer than the encoder reads; null where none was used. */
  readonly truncated: TruncatedRows | null;
  /** Pool rows and queries of each label, the largest class of the pool first. */
  readonly classes: readonly { readonly label: string; readonly pool: number; readonly queries: number }[];
  /** Labels by rows of the pool: how many have `from` to `to` rows, both included. */
  readonly sizes: readonly { readonly from: number; readonly to: number; readonly labels: number }[];
  /** Some pool texts that occur more than once, the most frequent first. */
  readonly repeated: readonly { readonly text: string; readonly rows: number }[];
  /** Some pool texts with several labels. */
  readonly conflicts: readonly { readonly text: string; readonly labels: readonly string[] }[];
  /** Some queries that are in the pool, but for case and spaces, with the labels they have there. */
  readonly leaks: readonly { readonly text: string; readonly label: string; readonly poolLabels: readonly string[] }[];
  /** Labels of queries that no row of the pool has. */
  readonly unknown: readonly { readonly label: string; readonly queries: number }[];
}

/** How many of each are shown. */
const SOME = 5;
const BINS = 12;

export function dataNotes(
  pool: readonly LabelledItem[],
  queries: readonly LabelledItem[],
  counts: DataCounts,
  truncated: TruncatedRows | null = null,
): DataNotes {
  const [poolTexts, queryTexts] = [pool, queries].map((rows) => rows.map(({ input }) => input)) as [string[], string[]];
  const [inPool, inQueries] = [sizesOf(pool), sizesOf(queries)];
  const classes = [...new Set([...inPool.keys(), ...inQueries.keys()])]
    .map((label) => ({ label, pool: inPool.get(label) ?? 0, queries: inQueries.get(label) ?? 0 }))
    .sort((a, b) => b.pool - a.pool || (a.label < b.label ? -1 : 1));
  return {
    counts,
    truncated,
    classes,
    sizes: sizeBins(classes.map((each) => each.pool).filter((size) => size > 0)),
    repeated: findDuplicates(poolTexts, 'exact')
      .map(({ text, rows }) => ({ text, rows: rows.length }))
      .sort((a, b) => b.rows - a.rows)
      .slice(0, SOME),
    conflicts: findLabelConflicts(pool, 'exact')
      .slice(0, SOME)
      .map(({ text, labels }) => ({ text, labels })),
    leaks: findOverlap(poolTexts.map(sameBy), queryTexts.map(sameBy), 'exact')
      .slice(0, SOME)
      .map(({ test, train }) => ({
        text: queryTexts[test]!,
        label: queries[test]!.label,
        poolLabels: [...new Set(train.map((row) => pool[row]!.label))].sort(),
      })),
    unknown: classes.filter((each) => each.pool === 0).map((each) => ({ label: each.label, queries: each.queries })),
  };
}

const sizesOf = (rows: readonly LabelledItem[]): ReadonlyMap<string, number> =>
  new Map([...groupRows(rows.map(({ label }) => label))].map(([label, own]) => [label, own.length]));

/** Bins of equal width, of 1, 2 or 5 times a power of ten, so that their ends are round. */
function sizeBins(sizes: readonly number[]): DataNotes['sizes'] {
  if (sizes.length === 0) return [];
  const [low, high] = [Math.min(...sizes), Math.max(...sizes)];
  const width = roundUp((high - low + 1) / BINS);
  const start = Math.floor(low / width) * width;
  const count = Math.floor((high - start) / width) + 1;
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [start + i * width, start + (i + 1) * width - 1];
    return { from, to, labels: sizes.filter((size) => size >= from && size <= to).length };
  });
}

function roundUp(width: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, width)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= width)!;
}
