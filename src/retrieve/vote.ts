/** Majority vote of neighbours (the paper's kNN classification). */
import { FungiError } from '../core/errors.js';

export interface Vote {
  readonly label: string;
  readonly votes: number;
  readonly total: number;
  /** Every label among the neighbours, winner first. */
  readonly ranking: readonly LabelVotes[];
}

export interface LabelVotes {
  readonly label: string;
  readonly votes: number;
  /** Distance of the label's nearest member. */
  readonly nearest: number;
}

/**
 * Who wins among labels with equally many votes: the one whose nearest member is nearest, the first by name, or the first of a list
 * of labels (those that are not in it come after, by name). scikit-learn, which the paper uses, takes the first in sorted order of what it
 * was given: of class numbers, where the paper's data has them, so that the list is the data set's numbering, which need not be the
 * alphabet's. With many labels and a weak encoder ties are common: on Banking-77 with BERT `nearest` and `name` differ by about two points.
 */
export type TieRule = 'nearest' | 'name' | readonly string[];

/**
 * Most votes win; ties as `ties` says, and what is left by order of appearance.
 *
 * @throws {FungiError} INVALID_ARGUMENT when there is nobody to vote
 */
export function majorityVote(
  neighbours: readonly { readonly label: string; readonly distance: number }[],
  ties: TieRule = 'nearest',
): Vote {
  const counts = new Map<string, LabelVotes>();
  for (const { label, distance } of neighbours) {
    const { votes, nearest } = counts.get(label) ?? { votes: 0, nearest: distance };
    counts.set(label, { label, votes: votes + 1, nearest: Math.min(nearest, distance) });
  }
  const tie = tieOrder(ties);
  const ranking = [...counts.values()].sort((a, b) => b.votes - a.votes || tie(a, b));
  const [winner] = ranking;
  if (winner === undefined) {
    throw new FungiError('INVALID_ARGUMENT', 'there are no examples: nobody can vote', {
      hint: 'Widen the filter, or add examples to the index.',
    });
  }
  return { label: winner.label, votes: winner.votes, total: neighbours.length, ranking };
}

function tieOrder(ties: TieRule): (a: LabelVotes, b: LabelVotes) => number {
  if (ties === 'nearest') return (a, b) => a.nearest - b.nearest;
  const byName = (a: LabelVotes, b: LabelVotes): number => (a.label < b.label ? -1 : 1);
  if (ties === 'name') return byName;
  const place = (label: string): number => (ties.includes(label) ? ties.indexOf(label) : ties.length);
  return (a, b) => place(a.label) - place(b.label) || byName(a, b);
}
