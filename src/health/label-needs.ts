/** Labels that need examples: those that are too few to be found, and those whose rows the others take for something else. */
import { wilson, type Interval } from '../core/wilson.js';
import { bounded, type Bounded } from './bounded-list.js';
import { isDoubted, type LeaveOneOut } from './leave-one-out.js';
import type { NeighbourGraph } from './neighbour-graph.js';
import type { RowLabels } from './pool.js';

/** `few-rows`: the others of the label are fewer than half of k. `low-accuracy`: its interval lies below the pool's accuracy. */
export type LabelNeed = 'few-rows' | 'low-accuracy';

export interface TakenFor {
  readonly label: string;
  /** Rows. */
  readonly count: number;
}

export interface LabelHealth {
  readonly label: string;
  readonly rows: number;
  /** Empty where nothing is wanting. */
  readonly needs: readonly LabelNeed[];
  /** Share of its rows for which it is the likeliest label by the votes of the others, with a 95 % interval; null where no row was judged. */
  readonly accuracy: ({ readonly share: number } & Interval) | null;
  /** Mean share of its rows' k nearest that have it. */
  readonly agreement: number;
  /** What its other rows are taken for, the most frequent first, three at most. */
  readonly takenFor: readonly TakenFor[];
}

export interface ConfusedLabels {
  readonly label: string;
  readonly takenFor: string;
  /** Rows of `label` that are. */
  readonly count: number;
  /** Rows of `label`. */
  readonly of: number;
}

export interface LabelFindings extends Bounded<LabelHealth> {
  /** Labels with needs. They come first, the least accurate of them before the others; then the other labels likewise. */
  readonly needy: number;
  /** Share of all judged rows for which their own label is the likeliest; null where none was judged. */
  readonly accuracy: number | null;
  /** Pairs of labels, the most frequent first. */
  readonly confusions: Bounded<ConfusedLabels>;
}

/** Of a label, what its rows are taken for. */
const TAKEN_FOR = 3;

/**
 * @param k neighbours that rows were judged by
 * @param agreement share of each row's neighbours that have its label [n]
 */
export function labelNeeds(
  { k }: Pick<NeighbourGraph, 'k'>,
  { names, of }: RowLabels,
  votes: LeaveOneOut,
  { agreement, top }: { readonly agreement: Float64Array; readonly top: number },
): LabelFindings {
  const tallies = names.map(() => ({ rows: 0, judged: 0, right: 0, agreement: 0, taken: new Map<number, number>() }));
  of.forEach((label, row) => {
    const tally = tallies[label]!;
    tally.rows++;
    tally.agreement += agreement[row]!;
    if (votes.judged[row] === 0) return;
    tally.judged++;
    if (!isDoubted(votes, row)) tally.right++;
    else tally.taken.set(votes.rival[row]!, (tally.taken.get(votes.rival[row]!) ?? 0) + 1);
  });
  const judged = tallies.reduce((sum, tally) => sum + tally.judged, 0);
  const overall = judged === 0 ? null : tallies.reduce((sum, { right }) => sum + right, 0) / judged;
  const confusions = tallies
    .flatMap(({ rows, taken }, label) =>
      [...taken].map(([other, count]) => ({ label: names[label]!, takenFor: names[other]!, count, of: rows })),
    )
    .sort((a, b) => b.count - a.count || b.count / b.of - a.count / a.of);
  const all = tallies.map((tally, label): LabelHealth => {
    const { rows, right } = tally;
    const accuracy = tally.judged === 0 ? null : { share: right / tally.judged, ...wilson(right, tally.judged) };
    const needs: LabelNeed[] = [];
    if (names.length > 1 && rows - 1 < k / 2) needs.push('few-rows');
    if (accuracy !== null && overall !== null && accuracy.high < overall) needs.push('low-accuracy');
    const takenFor = [...tally.taken]
      .map(([other, count]) => ({ label: names[other]!, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, TAKEN_FOR);
    return { label: names[label]!, rows, needs, accuracy, agreement: tally.agreement / rows, takenFor };
  });
  const share = ({ accuracy }: LabelHealth): number => accuracy?.share ?? 1;
  const isNeedy = ({ needs }: LabelHealth): number => Number(needs.length > 0);
  const order = all.toSorted((a, b) => isNeedy(b) - isNeedy(a) || share(a) - share(b) || a.rows - b.rows);
  return {
    ...bounded(order, top, (label) => label),
    needy: all.filter(({ needs }) => needs.length > 0).length,
    accuracy: overall,
    confusions: bounded(confusions, top, (pair) => pair),
  };
}
