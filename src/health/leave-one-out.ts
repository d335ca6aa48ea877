/** What a row's neighbours say of its label: every row is asked about by the others. Axes: n rows, k neighbours, C labels. */
import { distancesOf, neighboursOf, type NeighbourGraph } from './neighbour-graph.js';
import { Pace } from './pace.js';
import type { RowLabels } from './pool.js';

export interface LeaveOneOut {
  /** Weight of the neighbours with the row's own label, as a share of all; 0 where nobody votes [n]. */
  readonly own: Float64Array;
  /** Number of the likeliest other label; −1 where no neighbour has another [n]. */
  readonly rival: Int32Array;
  /** Its share [n]. */
  readonly rivalShare: Float64Array;
  /** 1 where somebody votes: 0 for a row all of whose neighbours are the row itself once more [n]. */
  readonly judged: Uint8Array;
}

/** Weights fall to e⁻² at the k-th neighbour: with planted errors that found more of them than a steeper fall, and on most data than none (docs/results.md). */
const FALL = 2;

/**
 * Distance-weighted votes. Equal items do not vote on each other: they would repeat an error that was made twice.
 *
 * @param group number of each row's item: equal items have equal numbers [n]
 */
export async function leaveOneOut(
  graph: NeighbourGraph,
  { names, of }: RowLabels,
  group: Int32Array,
  pace = new Pace(),
): Promise<LeaveOneOut> {
  const { rows } = graph;
  const own = new Float64Array(rows);
  const rival = new Int32Array(rows).fill(-1);
  const rivalShare = new Float64Array(rows);
  const judged = new Uint8Array(rows);
  const shares = new Float64Array(names.length);
  await pace.each(rows, (row) => {
    const neighbours = neighboursOf(graph, row);
    const weights = weightsOf(distancesOf(graph, row));
    let total = 0;
    shares.fill(0);
    neighbours.forEach((other, j) => {
      if (group[other] === group[row]) return;
      shares[of[other]!]! += weights[j]!;
      total += weights[j]!;
    });
    if (total === 0) return;
    judged[row] = 1;
    own[row] = shares[of[row]!]! / total;
    // The nearest first: among equal shares the label of the nearer neighbour is the likelier.
    for (const other of neighbours) {
      const label = of[other]!;
      if (label === of[row] || shares[label]! / total <= rivalShare[row]!) continue;
      rival[row] = label;
      rivalShare[row] = shares[label]! / total;
    }
  });
  return { own, rival, rivalShare, judged };
}

/** Whether another label is likelier than the row's own. */
export const isDoubted = ({ own, rivalShare }: LeaveOneOut, row: number): boolean => rivalShare[row]! > own[row]!;

/** exp(−2(d/d_k)²): the pace is the row's own, so that dense and sparse regions are alike. */
function weightsOf(distances: Float64Array): Float64Array {
  const farthest = distances.at(-1) ?? 0;
  return distances.map((distance) => (farthest === 0 ? 1 : Math.exp(-FALL * (distance / farthest) ** 2)));
}
