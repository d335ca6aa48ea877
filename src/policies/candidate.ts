/** What policies choose among: rows near a query, of which the prompt will carry some. */
import type { Example } from '../core/item.js';

export interface Candidate {
  /** Number of the row in the index: what came later has a larger one. Tells candidates apart, and settles ties. */
  readonly row: number;
  readonly example: Example;
  /** From the query, by the index's metric. */
  readonly distance: number;
  /** [P] */
  readonly vector: Float32Array;
  /** BM25 of its words and the query's; absent where they share none, or where it was not asked for. */
  readonly words?: number;
}

/** The order in which candidates are looked at: nearest first, among equals the one stored first, however they arrived. */
export const byDistance = (a: Candidate, b: Candidate): number => a.distance - b.distance || a.row - b.row;

export const DROP_RULES = [
  'excluded-id',
  'same-text',
  'duplicate',
  'max-per-label',
  'min-labels',
  'mmr',
  'dpp',
  'adaptive-k',
  'beyond-k',
] as const;

/** Why a candidate is not among the chosen. */
export type DropRule = (typeof DROP_RULES)[number];

export interface Dropped {
  readonly candidate: Candidate;
  readonly rule: DropRule;
  /** Of a duplicate, the candidate that stays for it. */
  readonly of?: Candidate;
}

/** What a step leaves, and what it took out. */
export interface Sifted {
  readonly kept: readonly Candidate[];
  readonly dropped: readonly Dropped[];
}
