/** Whom the verdict advises, and whom the details of the report are about. */
import { LEVEL, type Candidate } from '../../compare/verdict.js';

export interface Advice {
  /** The selector that the verdict tells to use; null where there is no verdict, since an LLM gave the baseline no reply. */
  readonly advised: string | null;
  /** Whether that is for a significant gain over the baseline; else it is the baseline. */
  readonly significant: boolean;
  /** Held against the baseline in detail: the advised one, or the best other where the baseline is advised; null when there is none. */
  readonly focus: string | null;
}

/** @param summary what may be held against each other */
export function adviceOf({
  summary,
  baseline,
}: {
  readonly summary: readonly Candidate[];
  readonly baseline: string;
}): Advice {
  if (summary.every(({ selector }) => selector !== baseline)) return { advised: null, significant: false, focus: null };
  const others = summary.filter(({ selector }) => selector !== baseline).sort(byAccuracy);
  const champion = others.find(({ gain }) => gain !== undefined && gain.adjusted < LEVEL && gain.difference > 0);
  return {
    advised: champion?.selector ?? baseline,
    significant: champion !== undefined,
    focus: champion?.selector ?? others[0]?.selector ?? null,
  };
}

const byAccuracy = (a: Candidate, b: Candidate): number => b.accuracy - a.accuracy;
