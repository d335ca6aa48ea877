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
 * Who wins among labels with equally many votes: the one whose nearest member is nearest, or the first by name. scikit-learn, which
 * the paper uses, takes the first in sorted order too, but of what it was given: of class numbers, where the paper's data has them, and
 * their order need not be the alphabet's. With many labels and a weak encoder ties are common: on Banking-77 with BERT the rules differ by
 * about two points.
 */
export type TieRule = 'nearest' | 'name';

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
  const tie = (a: LabelVotes, b: LabelVotes): number =>
    ties === 'nearest' ? a.nearest - b.nearest : a.label < b.label ? -1 : 1;
  const ranking = [...counts.values()].sort((a, b) => b.votes - a.votes || tie(a, b));
  const [winner] = ranking;
  if (winner === undefined) {
    throw new FungiError('INVALID_ARGUMENT', 'there are no examples: nobody can vote', {
      hint: 'Widen the filter, or add examples to the index.',
    });
  }
  return { label: winner.label, votes: winner.votes, total: neighbours.length, ranking };
}
