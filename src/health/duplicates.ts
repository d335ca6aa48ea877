/** Examples that say the same: equal items, and items whose vectors all but coincide; those that disagree on the label apart. */
import { itemKey } from '../core/duplicates.js';
import { groupRows } from '../core/group-rows.js';
import type { Item, Modality } from '../core/item.js';
import { cosineDistance, squareOf } from '../retrieve/distance.js';
import { bounded, type Bounded } from './bounded-list.js';
import { neighboursOf, type NeighbourGraph } from './neighbour-graph.js';
import { Pace } from './pace.js';
import { named, type NamedExample, type Pool } from './pool.js';

export interface SameExamples {
  /** Rows of the group. */
  readonly rows: number;
  /** In order of first appearance. */
  readonly labels: readonly string[];
  /** The first of them. */
  readonly examples: readonly NamedExample[];
}

export interface SameGroups {
  /** With one label: all but one can go. The largest first. */
  readonly agreeing: Bounded<SameExamples>;
  /** With several labels: at most one can be right. The largest first. */
  readonly conflicting: Bounded<SameExamples>;
  /** Rows that could go: of agreeing groups all but one. */
  readonly spare: number;
}

export interface DuplicateFindings {
  /** Of texts those that differ in case and spaces at most, of images and sounds the same path or data. */
  readonly equal: SameGroups;
  /** Joined by pairs that are at most so far apart, less the groups of one item that `equal` has. */
  readonly near: SameGroups & {
    /** Largest cosine distance of a pair. */
    readonly distance: number;
  };
}

/** Groups of two or more rows, each ascending, in the order of their first rows. */
export type RowGroups = readonly (readonly number[])[];

/** What each item is the same by [n]. */
export async function itemKeys(items: readonly Item[], modality: Modality, pace: Pace): Promise<string[]> {
  const keys: string[] = [];
  await pace.each(items.length, (i) => {
    keys.push(itemKey(items[i]!, modality));
  });
  return keys;
}

/** @param keys as {@link itemKeys} has them [n] */
export const equalItems = (keys: readonly string[]): RowGroups =>
  [...groupRows(keys).values()].filter((rows) => rows.length > 1);

/** Number of each row's item: that of the first row that has it [n]. */
export function itemNumbers(count: number, equal: RowGroups): Int32Array {
  const numbers = Int32Array.from({ length: count }, (_, row) => row);
  for (const rows of equal) for (const row of rows) numbers[row] = rows[0]!;
  return numbers;
}

/**
 * Rows joined by pairs of neighbours at most `limit` apart, as cosine distance. A zero vector is at cosine 0 to everything, and near to nothing.
 *
 * @param items as {@link itemNumbers} has them: a group of one item alone is left out [n]
 */
export async function nearItems(
  graph: NeighbourGraph,
  { vectors, dims }: Pick<Pool, 'vectors' | 'dims'>,
  items: Int32Array,
  { limit, pace = new Pace() }: { readonly limit: number; readonly pace?: Pace },
): Promise<RowGroups> {
  const vector = (row: number): Float32Array => vectors.subarray(row * dims, (row + 1) * dims);
  const parent = items.slice(); // equal items are in one group from the beginning
  const rootOf = (row: number): number => {
    let root = row;
    while (parent[root] !== root) root = parent[root] = parent[parent[root]!]!;
    return root;
  };
  const squares = new Float64Array(graph.rows);
  await pace.each(graph.rows, (row) => {
    squares[row] = squareOf(vector(row));
  });
  await pace.each(graph.rows, (row) => {
    for (const other of neighboursOf(graph, row)) {
      const [a, b] = [rootOf(row), rootOf(other)];
      if (a === b || cosineDistance(vector(row), vector(other), squares[row]! * squares[other]!) > limit) continue;
      parent[Math.max(a, b)] = Math.min(a, b);
    }
  });
  const groups = new Map<number, number[]>();
  for (let row = 0; row < graph.rows; row++) {
    const root = rootOf(row);
    const rows = groups.get(root);
    if (rows === undefined) groups.set(root, [row]);
    else rows.push(row);
  }
  return [...groups.values()].filter((rows) => rows.some((row) => items[row] !== items[rows[0]!]));
}

/** @param top groups of each list that are named, and examples of each group */
export function sameGroups(groups: RowGroups, { examples }: Pick<Pool, 'examples'>, top: number): SameGroups {
  const labelsOf = (rows: readonly number[]): string[] => [...new Set(rows.map((row) => examples[row]!.label))];
  const bySize = groups.toSorted((a, b) => b.length - a.length || a[0]! - b[0]!);
  const agreeing = bySize.filter((rows) => labelsOf(rows).length === 1);
  const conflicting = bySize.filter((rows) => labelsOf(rows).length > 1);
  const show = (rows: readonly number[]): SameExamples => ({
    rows: rows.length,
    labels: labelsOf(rows),
    examples: rows.slice(0, top).map((row) => named(examples[row]!)),
  });
  return {
    agreeing: bounded(agreeing, top, show),
    conflicting: bounded(conflicting, top, show),
    spare: agreeing.reduce((sum, rows) => sum + rows.length - 1, 0),
  };
}
