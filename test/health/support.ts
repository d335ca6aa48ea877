/** Pools of points that are placed by hand. */
import type { Example, Modality } from '../../src/core/item.js';
import { neighbourGraph, type NeighbourGraph } from '../../src/health/neighbour-graph.js';
import { rowLabels, type Pool, type RowLabels } from '../../src/health/pool.js';
import type { Metric } from '../../src/retrieve/distance.js';
import { ExactSearch } from '../../src/retrieve/exact-search.js';

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
  return neighbourGraph(await ExactSearch.create(vectors, { rows: examples.length, dims, metric }), vectors, { k });
}

export const labelsOf = ({ examples }: Pool): RowLabels => rowLabels(examples.map(({ label }) => label));

/** All rows have items of their own. */
export const ownItems = ({ examples }: Pool): Int32Array => Int32Array.from(examples, (_, row) => row);
