/** Runs selectors on the same pool and queries, under the same seeds, and counts what each of them shows a prompt. */
import type { OnProgress } from '../../core/progress.js';
import { majorityVote } from '../../retrieve/vote.js';
import { findOverlap } from '../data/duplicates.js';
import type { LabelledItem } from '../data/labelled.js';
import type { ExampleSelector } from './example-selector.js';

export interface CompareOptions {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly selectors: readonly ExampleSelector[];
  readonly k: number;
  readonly seeds: readonly number[];
  readonly onProgress?: OnProgress | undefined;
}

/** What one selector chose under one seed. */
export interface SelectorRun {
  readonly selector: string;
  readonly seed: number;
  /** Rows of the pool for each query. */
  readonly rows: readonly (readonly number[])[];
  /** The label of most of them, ties to the one that comes first; '' where nothing was chosen. */
  readonly predicted: readonly string[];
  /** For each query, whether that is its own. */
  readonly correct: readonly boolean[];
  /** Choosing alone; features of one encoder are shared, and counted for the selector that asked first. */
  readonly seconds: number;
}

export interface Comparison {
  readonly runs: readonly SelectorRun[];
  /** Queries whose text, but for case and spaces, is in the pool: any selector by text finds it. */
  readonly leaked: readonly boolean[];
}

/** @throws {FungiError} what a selector throws */
export async function compareSelectors(options: CompareOptions): Promise<Comparison> {
  const { pool, queries, selectors, k, seeds, onProgress } = options;
  const runs: SelectorRun[] = [];
  const total = selectors.length * seeds.length;
  for (const seed of seeds) {
    for (const selector of selectors) {
      onProgress?.({ stage: `select: ${selector.name}`, done: runs.length, total, unit: 'runs' });
      const began = performance.now();
      const rows = await selector.select({ pool, queries: queries.map(({ input }) => input), k, seed, onProgress });
      const seconds = (performance.now() - began) / 1000;
      const predicted = rows.map((chosen) => voteOf(chosen, pool));
      const correct = predicted.map((label, query) => label === queries[query]!.label);
      runs.push({ selector: selector.name, seed, rows, predicted, correct, seconds });
    }
  }
  onProgress?.({ stage: 'select', done: total, total, unit: 'runs' });
  const leaked = new Set(
    findOverlap(
      pool.map(({ input }) => input),
      queries.map(({ input }) => input),
      'normalised',
    ).map(({ test }) => test),
  );
  return { runs, leaked: queries.map((_, query) => leaked.has(query)) };
}

/** Selectors rank, and need not have distances: the place stands for one. */
function voteOf(rows: readonly number[], pool: readonly LabelledItem[]): string {
  if (rows.length === 0) return '';
  return majorityVote(rows.map((row, place) => ({ label: pool[row]!.label, distance: place }))).label;
}
