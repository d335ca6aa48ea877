/** Runs selectors on the same pools and queries, under the same seeds, and counts what each of them shows a prompt. */
import type { OnProgress } from '../../core/progress.js';
import { majorityVote } from '../../retrieve/vote.js';
import { findOverlap } from '../../core/duplicates.js';
import type { LabelledItem } from '../data/labelled.js';
import { sameBy } from '../data/media.js';
import type { Pool } from '../data/pools.js';
import type { ExampleSelector } from './example-selector.js';

export interface CompareOptions {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly selectors: readonly ExampleSelector[];
  readonly k: number;
  /** Parts of `pool` to choose from, each under its seed. */
  readonly pools: readonly Pool[];
  readonly onProgress?: OnProgress | undefined;
}

/** What one selector chose from one part of the pool. */
export interface SelectorRun {
  readonly selector: string;
  readonly seed: number;
  /** Null for the whole pool. */
  readonly shots: number | null;
  /** Rows of the whole pool for each query. */
  readonly rows: readonly (readonly number[])[];
  /** The label of most of them, ties to the one that comes first; '' where nothing was chosen. */
  readonly predicted: readonly string[];
  /** For each query, whether that is its own. */
  readonly correct: readonly boolean[];
  /**
   * Choosing alone; features of one encoder are shared, and counted for the selector that asked first. Null where no seed changes the
   * choice, and that of an earlier seed stands for it.
   */
  readonly seconds: number | null;
}

export interface Comparison {
  readonly runs: readonly SelectorRun[];
  /** Queries whose text, but for case and spaces, is in the pool: any selector by text finds it. */
  readonly leaked: readonly boolean[];
}

/** @throws {FungiError} what a selector throws */
export async function compareSelectors(options: CompareOptions): Promise<Comparison> {
  const { pool, queries, selectors, k, pools, onProgress } = options;
  const runs: SelectorRun[] = [];
  const texts = queries.map(({ input }) => input);
  const total = selectors.length * pools.length;
  for (const { seed, shots, rows: part } of pools) {
    const task = { pool: part.map((row) => pool[row]!), queries: texts, k, seed, shots, onProgress };
    for (const selector of selectors) {
      onProgress?.({ stage: `select: ${selector.name}`, done: runs.length, total, unit: 'runs' });
      const known = selector.seeded ? undefined : earlier(runs, pools, { selector, rows: part });
      if (known !== undefined) {
        runs.push({ ...known, seed, shots, seconds: null });
        continue;
      }
      const began = performance.now();
      const chosen = await selector.select(task);
      const seconds = (performance.now() - began) / 1000;
      const rows = chosen.map((places) => places.map((place) => part[place]!));
      const predicted = rows.map((each) => voteOf(each, pool));
      const correct = predicted.map((label, query) => label === queries[query]!.label);
      runs.push({ selector: selector.name, seed, shots, rows, predicted, correct, seconds });
    }
  }
  onProgress?.({ stage: 'select', done: total, total, unit: 'runs' });
  const leaked = new Set(
    findOverlap(
      pool.map(({ input }) => sameBy(input)),
      texts.map(sameBy),
      'exact',
    ).map(({ test }) => test),
  );
  return { runs, leaked: queries.map((_, query) => leaked.has(query)) };
}

/** The run of a selector on the same part of the pool, under another seed. */
function earlier(
  runs: readonly SelectorRun[],
  pools: readonly Pool[],
  { selector, rows }: { readonly selector: ExampleSelector; readonly rows: readonly number[] },
): SelectorRun | undefined {
  return runs.find((run) => {
    if (run.selector !== selector.name) return false;
    const part = pools.find(({ seed, shots }) => seed === run.seed && shots === run.shots)!.rows;
    return part === rows || (part.length === rows.length && part.every((row, i) => row === rows[i]));
  });
}

/** Selectors rank, and need not have distances: the place stands for one. */
function voteOf(rows: readonly number[], pool: readonly LabelledItem[]): string {
  if (rows.length === 0) return '';
  return majorityVote(rows.map((row, place) => ({ label: pool[row]!.label, distance: place }))).label;
}
