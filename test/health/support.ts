/** Pools of points that are placed by hand. */
import { itemKey } from '../../src/core/duplicates.js';
import type { Example, Modality } from '../../src/core/item.js';
import { neighbourGraph, type NeighbourGraph } from '../../src/health/neighbour-graph.js';
import { rowLabels, type Pool, type RowLabels } from '../../src/health/pool.js';
import { Pace } from '../../src/health/pace.js';
import { pacedSearch } from '../../src/health/paced-search.js';
import type { Metric } from '../../src/retrieve/distance.js';

/** A row: its point, its label, and its item where it is not one of its own. */
export type Row = readonly [point: readonly number[], label: string, input?: string | undefined];

interface PoolKind {
  readonly metric?: Metric;
  readonly modality?: Modality;
}

/** Ids are r0, r1, …, items "text 0", "text 1", … */
export function poolOf(rows: readonly Row[], { metric = 'l2', modality = 'text' }: PoolKind = {}): Pool {
  const dims = rows[0]?.[0].length ?? 1;
  return {
    examples: rows.map(([, label, input], i): Example => ({
      id: `r${i}`,
      input: input ?? `text ${i}`,
      label,
      metadata: {},
    })),
    vectors: Float32Array.from(rows.flatMap(([point]) => point)),
    ...{ dims, metric, modality },
  };
}

export async function graphOf(pool: Pool, k: number): Promise<NeighbourGraph> {
  const { vectors, dims, metric, examples } = pool;
  const paced = await pacedSearch(vectors, { rows: examples.length, dims, metric }, new Pace());
  return neighbourGraph(paced, vectors, { k });
}

export const labelsOf = ({ examples }: Pool): RowLabels => rowLabels(examples.map(({ label }) => label));

/** All rows have items of their own. */
export const ownItems = ({ examples }: Pool): Int32Array => Int32Array.from(examples, (_, row) => row);

/** What the items are the same by. */
export const keysOf = ({ examples, modality }: Pool): string[] => examples.map(({ input }) => itemKey(input, modality));
