/**
 * Who is found by others: how often each row is among the k nearest of another. In many dimensions few rows, the hubs, are near to many, and
 * others to nobody (Radovanović, Nanopoulos & Ivanović 2010): such rows are hardly ever selected.
 */
import { bounded, type Bounded } from './bounded-list.js';
import { distancesOf, neighboursOf, type NeighbourGraph } from './neighbour-graph.js';
import { Pace } from './pace.js';
import { named, type NamedExample, type Pool, type RowLabels } from './pool.js';

export interface Hub extends NamedExample {
  /** Rows that have it among their k nearest. */
  readonly neighbourOf: number;
  /** Share of them that have another label. */
  readonly otherLabel: number;
}

export interface Antihub extends NamedExample {
  /** To the nearest other row, in the index's metric. */
  readonly nearest: number;
}

export interface CoverageFindings {
  /** Of the rows' counts: third central moment over σ³. Above 0 where few rows hold many places; 0 where all have as many. */
  readonly skewness: number;
  /** Rows that are nobody's neighbour, the farthest from all others first. */
  readonly antihubs: Bounded<Antihub>;
  /** Rows whose count is more than two standard deviations above the mean, which is k; the most frequent first. */
  readonly hubs: Bounded<Hub>;
  /** Mean share of a row's k nearest that have its label. */
  readonly agreement: number;
}

/** N_k: how many rows have each row among their k nearest [n]. */
export function occurrences({ rows, neighbours }: NeighbourGraph): Int32Array {
  const counts = new Int32Array(rows);
  for (const row of neighbours) counts[row]!++;
  return counts;
}

/** Mean, standard deviation and skewness of a population; skewness is 0 where nothing varies. */
export function moments(values: Int32Array): { readonly mean: number; readonly sd: number; readonly skewness: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [square, cube] = [0, 0];
  for (const value of values) {
    square += (value - mean) ** 2;
    cube += (value - mean) ** 3;
  }
  const sd = Math.sqrt(square / values.length);
  return { mean, sd, skewness: sd === 0 ? 0 : cube / values.length / sd ** 3 };
}

/** Share of each row's neighbours that have its label [n]. */
export async function labelAgreement(
  graph: NeighbourGraph,
  { of }: RowLabels,
  pace = new Pace(),
): Promise<Float64Array> {
  const agreement = new Float64Array(graph.rows);
  await pace.each(graph.rows, (row) => {
    let same = 0;
    for (const other of neighboursOf(graph, row)) if (of[other] === of[row]) same++;
    agreement[row] = same / graph.k;
  });
  return agreement;
}

export interface CoverageOptions {
  /** As {@link labelAgreement} has it [n]. */
  readonly agreement: Float64Array;
  readonly top: number;
  readonly pace?: Pace;
}

export async function coverage(
  { examples }: Pick<Pool, 'examples'>,
  { of }: RowLabels,
  graph: NeighbourGraph,
  { agreement, top, pace = new Pace() }: CoverageOptions,
): Promise<CoverageFindings> {
  const counts = occurrences(graph);
  const others = new Int32Array(graph.rows);
  await pace.each(graph.rows, (row) => {
    for (const neighbour of neighboursOf(graph, row)) if (of[neighbour] !== of[row]) others[neighbour]!++;
  });
  const { mean, sd, skewness } = moments(counts);
  const nearest = (row: number): number => distancesOf(graph, row)[0]!;
  const rows = Array.from(counts, (_, row) => row);
  const antihubs = rows.filter((row) => counts[row] === 0).sort((a, b) => nearest(b) - nearest(a) || a - b);
  const hubs = rows.filter((row) => counts[row]! > mean + 2 * sd).sort((a, b) => counts[b]! - counts[a]! || a - b);
  return {
    skewness,
    antihubs: bounded(antihubs, top, (row) => ({ ...named(examples[row]!), nearest: nearest(row) })),
    hubs: bounded(hubs, top, (row) => ({
      ...named(examples[row]!),
      neighbourOf: counts[row]!,
      otherLabel: others[row]! / counts[row]!,
    })),
    agreement: agreement.reduce((sum, share) => sum + share, 0) / graph.rows,
  };
}
