/** Whether queries look like the pool: how far each is from its nearest example, against how far the pool's rows are from each other. */
import type { Item } from '../core/item.js';
import { wilson, type Interval } from '../core/wilson.js';
import type { Neighbour } from '../retrieve/exact-search.js';
import { bounded, type Bounded } from './bounded-list.js';
import { distancesOf, type NeighbourGraph } from './neighbour-graph.js';
import { named, type NamedExample, type Pool } from './pool.js';

export interface FarQuery {
  readonly input: Item;
  /** To the nearest example, in the index's metric. */
  readonly distance: number;
  readonly nearest: NamedExample;
}

export interface DriftFindings {
  readonly queries: number;
  /** Largest gap between the two distributions of distances, 0 to 1 (two-sample Kolmogorov–Smirnov). */
  readonly statistic: number;
  /** What two samples of this size from one distribution stay below in 95 of 100 cases (asymptotic). */
  readonly critical: number;
  /** Median distance to the nearest example. */
  readonly median: { readonly queries: number; readonly pool: number };
  /** Distance that 99 of 100 rows of the pool stay within. */
  readonly limit: number;
  /** Share of the queries beyond it, with a 95 % interval: 0.01 is to be expected. */
  readonly beyond: { readonly share: number } & Interval;
  /** The queries beyond it, the farthest first. */
  readonly farthest: Bounded<FarQuery>;
}

/** Share of the pool's rows beyond the limit, and so of queries that are like them. */
export const EXPECTED_BEYOND = 0.01;
/** √(−ln(0.05/2)/2), of the asymptotic distribution. */
const CRITICAL = Math.sqrt(-Math.log(0.025) / 2);

/** The largest difference between two empirical distribution functions. @param a, b ascending, not empty */
export function kolmogorovSmirnov(a: Float64Array, b: Float64Array): number {
  let [i, j, largest] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const at = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! <= at) i++;
    while (j < b.length && b[j]! <= at) j++;
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length));
  }
  return largest;
}

/** The value that a share of the values do not exceed. @param sorted ascending, not empty */
const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

/**
 * @param queries [Q], one at least
 * @param nearest row of the pool nearest to each query, and how far it is [Q]
 */
export function drift(
  { examples }: Pick<Pool, 'examples'>,
  graph: NeighbourGraph,
  queries: readonly Item[],
  nearest: readonly Neighbour[],
  top: number,
): DriftFindings {
  const pool = Float64Array.from({ length: graph.rows }, (_, row) => distancesOf(graph, row)[0]!).sort();
  const sorted = Float64Array.from(nearest, ({ distance }) => distance).sort();
  const limit = quantile(pool, 1 - EXPECTED_BEYOND);
  const beyond = nearest
    .map(({ row, distance }, query) => ({ row, distance, query }))
    .filter(({ distance }) => distance > limit)
    .sort((a, b) => b.distance - a.distance || a.query - b.query);
  const Q = queries.length;
  return {
    queries: Q,
    statistic: kolmogorovSmirnov(sorted, pool),
    critical: CRITICAL * Math.sqrt((Q + graph.rows) / (Q * graph.rows)),
    median: { queries: quantile(sorted, 0.5), pool: quantile(pool, 0.5) },
    limit,
    beyond: { share: beyond.length / Q, ...wilson(beyond.length, Q) },
    farthest: bounded(beyond, top, ({ row, distance, query }) => ({
      input: queries[query]!,
      distance,
      nearest: named(examples[row]!),
    })),
  };
}
