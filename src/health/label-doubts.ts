/**
 * Rows whose label is likely wrong. Self-confidence, the share of the votes that a row's own label gets from the others, ranks them, as
 * in confident learning (Northcutt, Jiang & Chuang 2021); how many of them stand out is told by its thresholds.
 */
import { bounded, type Bounded } from './bounded-list.js';
import type { RowGroups } from './duplicates.js';
import { isDoubted, type LeaveOneOut } from './leave-one-out.js';
import { named, type NamedExample, type Pool, type RowLabels } from './pool.js';

/** Why a label is doubted: the same item has another label, or the neighbours have. */
export type DoubtReason = 'same-item' | 'neighbours';

export interface LabelDoubt extends NamedExample {
  /** The label that it should rather have. */
  readonly likelier: string;
  readonly reason: DoubtReason;
  /** Share of the neighbours' votes for the row's own label, 0 to 1. */
  readonly own: number;
  /** Of the likeliest other label: of `likelier`, but for some of reason `same-item`. */
  readonly other: number;
  /** Whether the votes for another label are as many as rows of that label usually get. */
  readonly confident: boolean;
}

export interface LabelDoubtFindings extends Bounded<LabelDoubt> {
  /** Doubts of either reason. */
  readonly byReason: Readonly<Record<DoubtReason, number>>;
  /** Those that are confident: about so many to begin with. */
  readonly confident: number;
}

/** A row whose label is doubted. */
export interface DoubtedRow {
  readonly row: number;
  /** Number of the likelier label. */
  readonly likelier: number;
  readonly reason: DoubtReason;
}

/**
 * The most doubtful first: those whose item has another label elsewhere, then by the share of their own label, the least first, then by that of
 * the likeliest other, the greatest first, then by row.
 *
 * @param equal groups of equal items
 */
export function doubtedRows(votes: LeaveOneOut, { of }: RowLabels, equal: RowGroups): DoubtedRow[] {
  const same = equal.flatMap((rows) => outvoted(rows, of, votes));
  const known = new Set(same.map(({ row }) => row));
  const byNeighbours = Array.from(of, (_, row) => row)
    .filter((row) => !known.has(row) && isDoubted(votes, row))
    .map((row): DoubtedRow => ({ row, likelier: votes.rival[row]!, reason: 'neighbours' }));
  const { own, rivalShare } = votes;
  const order = (a: DoubtedRow, b: DoubtedRow): number =>
    own[a.row]! - own[b.row]! || rivalShare[b.row]! - rivalShare[a.row]! || a.row - b.row;
  return [...same.toSorted(order), ...byNeighbours.toSorted(order)];
}

/** Of equal items with several labels, those that lack the label which most of them have; among equals the one that the neighbours prefer. */
function outvoted(rows: readonly number[], of: Int32Array, { own }: LeaveOneOut): DoubtedRow[] {
  const counts = new Map<number, { rows: number; readonly share: number }>();
  for (const row of rows) {
    const count = counts.get(of[row]!);
    if (count === undefined) counts.set(of[row]!, { rows: 1, share: own[row]! });
    else count.rows++;
  }
  if (counts.size === 1) return [];
  const [[kept] = []] = [...counts].sort(([, a], [, b]) => b.rows - a.rows || b.share - a.share);
  return rows
    .filter((row) => of[row] !== kept)
    .map((row): DoubtedRow => ({ row, likelier: kept!, reason: 'same-item' }));
}

/** Mean share that rows of each label get for it: what a row of that label may be expected to get [C]. */
export function expectedShares({ own, judged }: LeaveOneOut, { names, of }: RowLabels): Float64Array {
  const sums = new Float64Array(names.length);
  const counts = new Float64Array(names.length);
  of.forEach((label, row) => {
    sums[label]! += own[row]!;
    counts[label]! += judged[row]!;
  });
  return sums.map((sum, label) => (counts[label] === 0 ? 0 : sum / counts[label]!));
}

export function labelDoubts(
  pool: Pick<Pool, 'examples'>,
  labels: RowLabels,
  votes: LeaveOneOut,
  equal: RowGroups,
  top: number,
): LabelDoubtFindings {
  const doubts = doubtedRows(votes, labels, equal);
  const expected = expectedShares(votes, labels);
  const isConfident = ({ row }: DoubtedRow): boolean =>
    isDoubted(votes, row) && votes.rivalShare[row]! >= expected[votes.rival[row]!]!;
  const same = doubts.filter(({ reason }) => reason === 'same-item').length;
  return {
    ...bounded(doubts, top, (doubt): LabelDoubt => {
      const { row, likelier, reason } = doubt;
      return {
        ...named(pool.examples[row]!),
        ...{ likelier: labels.names[likelier]!, reason },
        ...{ own: votes.own[row]!, other: votes.rivalShare[row]!, confident: isConfident(doubt) },
      };
    }),
    byReason: { 'same-item': same, neighbours: doubts.length - same },
    confident: doubts.filter(isConfident).length,
  };
}
