/** How far the likeliest label is to be trusted in an index that chose for itself, as its build measured it on rows that it held out. */
import type { HeldOutVotes } from '../auto/held-out-votes.js';
import { calibrated, calibrationError, fitCalibration } from '../policies/calibration.js';
import type { ConfidenceFacts } from '../store/manifest.js';
import type { StoredVotes } from './votes-file.js';

/** Of fewer a calibration would say more of chance than of the index. */
export const LEAST_VOTES = 100;

/** Share of the held-out rows that no other had the label of, above which what the others say is no measure of the index. */
const MOST_UNSCORED = 0.02;

/** Whether rows that could not be scored, as no other has their label, are too many for the scored ones to stand for all. */
export const tooManyUnscored = ({ rows, unscored }: Pick<ConfidenceFacts, 'rows' | 'unscored'>): boolean =>
  unscored > MOST_UNSCORED * (rows + unscored);

/** Scores of likeliest labels, and whether each was right. */
export interface Judged {
  readonly scores: readonly number[];
  readonly hits: readonly boolean[];
}

export const judgedBy = ({ shares, right }: StoredVotes): Judged => ({
  scores: [...shares],
  hits: Array.from(right, (value) => value === 1),
});

/** Undefined where too few rows were held out. */
export function confidenceFacts(votes: HeldOutVotes): ConfidenceFacts | undefined {
  const { scores, hits } = judgedBy(votes);
  const confidences = crossFitted(votes);
  if (scores.length < LEAST_VOTES || confidences === undefined) return undefined;
  return {
    rows: scores.length,
    unscored: votes.unscored,
    accuracy: hits.filter(Boolean).length / hits.length,
    error: { shares: calibrationError(scores, hits), calibrated: calibrationError(confidences, hits) },
  };
}

/** Confidence in each row by a calibration on the rows of the other folds: a calibration looks well on what it was fitted on. */
function crossFitted(votes: HeldOutVotes): number[] | undefined {
  const { scores, hits } = judgedBy(votes);
  const { folds } = votes;
  const numbers = new Set(folds);
  if (numbers.size < 2) return undefined;
  const byFold = new Map(
    [...numbers].map((fold) => {
      const isOther = (_: unknown, row: number): boolean => folds[row] !== fold;
      return [fold, fitCalibration(scores.filter(isOther), hits.filter(isOther))];
    }),
  );
  return scores.map((score, row) => calibrated(byFold.get(folds[row]!)!, score));
}
