/** The spaces that are tried: what labels tell apart, beside the plain embedding, at some share. */
import { SHRINKAGES } from '../reduce/shrinkage.js';

export interface CandidateSpace {
  /** Whose gradients the supervised part reads beside the embedding. */
  readonly losses: readonly string[];
  /** Of the supervised part's scatter. */
  readonly shrinkage: number;
  /** The supervised part's, 0 to 1; at 0 it is the embedding alone. */
  readonly share: number;
}

/**
 * Of the supervised part; 0 is the embedding, which is always tried. Never all of it: of two labels it tells the side alone, and a text that is
 * indexed has to be nearest to itself. From large to small: of equals the last one is taken.
 */
export const SHARES = [0.95, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05] as const;

/** Neighbours that vote; of equals the last one is taken. */
export const VOTERS = [1, 3, 5, 10, 20, 40] as const;

/** Examples in a prompt, at most. */
export const SHOWN = 20;

/** What no share is left of: the plain embedding. */
export const PLAIN: CandidateSpace = { losses: [], shrinkage: SHRINKAGES.at(-1)!, share: 0 };

/** With a supervised part that reads these losses. */
export const candidateSpaces = (losses: readonly string[]): CandidateSpace[] =>
  SHRINKAGES.flatMap((shrinkage) => SHARES.map((share) => ({ losses, shrinkage, share })));

/** Sets of losses, the cheapest first: none, each alone, any two, … */
export function lossSets(losses: readonly string[]): (readonly string[])[] {
  const sets = losses.reduce<(readonly string[])[]>((all, loss) => [...all, ...all.map((set) => [...set, loss])], [[]]);
  return sets.sort((a, b) => a.length - b.length);
}
