/** Which candidates may be examples at all: neither the query itself nor one that is there already. */
import type { Metric } from '../retrieve/distance.js';
import type { Candidate, Dropped, DropRule, Sifted } from './candidate.js';
import { NearDuplicates } from './near-duplicates.js';

export interface ExcludeRule {
  /** Text of the query as {@link textKey} has it; undefined where its own text may be chosen. */
  readonly text: string | undefined;
  readonly ids: ReadonlySet<string>;
}

/** What makes two items the same: of texts the normalised text, of media the item itself. */
export type TextKey = (candidate: Candidate) => string;

/** Takes out the query itself: examples with its text, and ids that were named. */
export function exclude(candidates: readonly Candidate[], { text, ids }: ExcludeRule, key: TextKey): Sifted {
  const ruleFor = (candidate: Candidate): DropRule | undefined => {
    if (ids.has(candidate.example.id)) return 'excluded-id';
    return text !== undefined && key(candidate) === text ? 'same-text' : undefined;
  };
  return sift(candidates, (candidate) => {
    const rule = ruleFor(candidate);
    return rule && { candidate, rule };
  });
}

export interface DuplicateRule {
  /** Whether equal texts are duplicates. */
  readonly text: boolean;
  /** Candidates at most so far apart are duplicates. 0 compares no vectors. */
  readonly distance: number;
}

/**
 * Of near-duplicates the best stays.
 *
 * @param candidates best first
 */
export function collapseDuplicates(
  candidates: readonly Candidate[],
  rule: DuplicateRule,
  metric: Metric,
  key: TextKey,
): Sifted {
  const texts = new Map<string, Candidate>();
  const near = rule.distance > 0 ? new NearDuplicates(candidates.length, rule.distance, metric) : undefined;
  return sift(candidates, (candidate) => {
    const text = rule.text ? key(candidate) : '';
    const of = (rule.text ? texts.get(text) : undefined) ?? near?.findOrKeep(candidate);
    if (of !== undefined) return { candidate, rule: 'duplicate', of };
    texts.set(text, candidate);
    return undefined;
  });
}

function sift(candidates: readonly Candidate[], drop: (candidate: Candidate) => Dropped | undefined): Sifted {
  const kept: Candidate[] = [];
  const dropped: Dropped[] = [];
  for (const candidate of candidates) {
    const out = drop(candidate);
    if (out === undefined) kept.push(candidate);
    else dropped.push(out);
  }
  return { kept, dropped };
}
