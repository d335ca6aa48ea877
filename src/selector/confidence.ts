/** How far the likeliest label is to be trusted in an index that chose for itself, as its build measured it on rows that it held out. */
import type { HeldOutVotes } from '../auto/held-out-votes.js';
import { FungiError } from '../core/errors.js';
import type { Json } from '../core/fingerprint.js';
import { calibrated, calibrationError, fitCalibration } from '../policies/calibration.js';
import { parseCalibration, type Policy } from '../policies/options.js';
import type { ConfidenceFacts, Manifest } from '../store/manifest.js';
import type { StoredVotes } from './votes-file.js';

/** Of fewer a calibration would say more of chance than of the index. */
export const LEAST_VOTES = 100;

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
    accuracy: hits.filter(Boolean).length / hits.length,
    error: { shares: calibrationError(scores, hits), calibrated: calibrationError(confidences, hits) },
    calibration: fitCalibration(scores, hits) as unknown as Json,
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

/**
 * What makes a share of the vote in this index a probability, where its build could tell.
 *
 * @throws {FungiError} INDEX_MISMATCH for one that only a newer version knows
 */
export function calibrationOf({ name, libraryVersion, auto }: CalibratedManifest): Policy['calibration'] {
  if (auto?.confidence === undefined) return undefined;
  try {
    return parseCalibration(auto.confidence.calibration);
  } catch (cause) {
    throw new FungiError(
      'INDEX_MISMATCH',
      `index "${name}", made by version ${libraryVersion}, has a calibration that this version does not know`,
      { hint: 'Update fungi-icl, or build the index again with this version.', cause },
    );
  }
}

type CalibratedManifest = Pick<Manifest, 'name' | 'libraryVersion' | 'auto'>;
