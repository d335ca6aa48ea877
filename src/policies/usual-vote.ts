/** A calibration holds for votes of such rows as it was measured with: which rules make others vote than the nearest, as many as usual. */
import { candidatesFor, LEAST_CANDIDATES, type Policy } from './options.js';

/** Rows that vote, at most, where no rule says otherwise. */
export const USUAL_VOTERS = LEAST_CANDIDATES;

/**
 * The query's own text may be excluded: whoever measures does not ask with texts of those that vote.
 *
 * @param k examples that are to be chosen with it
 * @returns the member of the policy, or k, by which others vote than the nearest {@link USUAL_VOTERS}; undefined where none does
 */
export function unusualVote(policy: Policy, k: number): string | undefined {
  const { exclude, duplicates, hybrid, maxPerLabel, minLabels, candidates, calibration } = policy;
  if (exclude !== undefined && exclude.ids.length > 0) return 'policy.exclude.ids';
  const rule = Object.entries({ duplicates, hybrid, maxPerLabel, minLabels }).find(([, value]) => value !== undefined);
  if (rule !== undefined) return `policy.${rule[0]}`;
  const voters = candidatesFor({ ...policy, calibration: calibration ?? AS_IT_IS }, k, false);
  if (voters === USUAL_VOTERS) return undefined;
  return candidates === undefined ? `k, which is ${k},` : 'policy.candidates';
}

/** Any calibration asks for as many. */
const AS_IT_IS = { method: 'temperature', slope: 1 } as const;
