/** How many examples a label may have, and how many labels there have to be. Candidates are best first. */
import type { Candidate } from './candidate.js';
import { noLimits, type Limits } from './greedy.js';

/** At most `most` of each label. */
export function labelCap(candidates: readonly Candidate[], most: number | undefined): Limits {
  if (most === undefined) return noLimits;
  const counts = new Map<string, number>();
  const count = (i: number): number => counts.get(candidates[i]!.example.label) ?? 0;
  return {
    admits: (i) => count(i) < most,
    take: (i) => counts.set(candidates[i]!.example.label, count(i) + 1),
  };
}

export interface Floored {
  /** Places, in order of choice; those that came last stand in for others. */
  readonly chosen: readonly number[];
  readonly broughtIn: ReadonlySet<number>;
  readonly madeRoom: ReadonlySet<number>;
}

/**
 * Brings in the nearest candidates of labels that are not there until `least` labels are, each in place of the least near of the label with the
 * most examples; where fewer than k are chosen, in addition to them. A label that is there stays, and so does the best candidate.
 */
export function labelFloor(
  candidates: readonly Candidate[],
  choice: readonly number[],
  least: number,
  k: number,
): Floored {
  const labelOf = (i: number): string => candidates[i]!.example.label;
  const chosen = [...choice];
  const broughtIn = new Set<number>();
  const madeRoom = new Set<number>();
  const labels = new Set(chosen.map(labelOf));
  for (let i = 0; i < candidates.length && labels.size < least; i++) {
    if (labels.has(labelOf(i))) continue;
    if (chosen.length >= k) {
      const victim = spare(chosen, labelOf);
      if (victim === undefined) break;
      chosen.splice(chosen.indexOf(victim), 1);
      madeRoom.add(victim);
    }
    chosen.push(i);
    broughtIn.add(i);
    labels.add(labelOf(i));
  }
  return { chosen, broughtIn, madeRoom };
}

/** The least near of the label with most examples; among such labels the one that reaches farthest. Undefined where each has but one. */
function spare(chosen: readonly number[], labelOf: (i: number) => string): number | undefined {
  const groups = new Map<string, { count: number; last: number }>();
  for (const i of chosen) {
    const { count, last } = groups.get(labelOf(i)) ?? { count: 0, last: -1 };
    groups.set(labelOf(i), { count: count + 1, last: Math.max(last, i) });
  }
  const [most] = [...groups.values()].sort((a, b) => b.count - a.count || b.last - a.last);
  return most !== undefined && most.count > 1 ? most.last : undefined;
}

/**
 * The labels to look beyond, when these candidates cannot fill a choice of k within the limits: full ones, or those that are there where others are
 * wanted. Undefined when they can.
 */
export function labelsToLookBeyond(
  candidates: readonly Candidate[],
  { k, most = Infinity, least = 0 }: { readonly k: number; readonly most?: number; readonly least?: number },
): ReadonlySet<string> | undefined {
  const counts = new Map<string, number>();
  for (const { example } of candidates) counts.set(example.label, (counts.get(example.label) ?? 0) + 1);
  const choosable = [...counts.values()].reduce((sum, count) => sum + Math.min(count, most), 0);
  if (choosable < k) return new Set([...counts].filter(([, count]) => count >= most).map(([label]) => label));
  return counts.size < least ? new Set(counts.keys()) : undefined;
}
