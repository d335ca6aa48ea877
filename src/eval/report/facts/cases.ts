/** Single queries, with what was chosen for them: what the figures look like. */
import { Rng } from '../../../core/rng.js';
import type { Comparison, SelectorRun } from '../../compare/compare.js';
import type { LabelledItem } from '../../data/labelled.js';

export interface Cases {
  readonly seed: number;
  /** Shown side by side: the selector held against the baseline, then the baseline; or the only one. */
  readonly selectors: readonly string[];
  readonly groups: readonly CaseGroup[];
}

export interface CaseGroup {
  /** `won`: the first selector right, the baseline wrong. `lost`: the other way round. `all-wrong`: so are all selectors compared. */
  readonly kind: 'won' | 'lost' | 'all-wrong';
  /** Queries of that kind, of which `cases` are some. */
  readonly total: number;
  readonly cases: readonly Case[];
}

export interface Case {
  /** Row of the query. */
  readonly query: number;
  readonly text: string;
  readonly label: string;
  /** Of `selectors`, in their order. */
  readonly choices: readonly Choice[];
  /** What all other selectors answered. */
  readonly others: readonly { readonly selector: string; readonly predicted: string }[];
}

export interface Choice {
  readonly selector: string;
  /** The label of the vote; '' where nothing was chosen. */
  readonly predicted: string;
  /** How many were chosen, how many of them have the label answered, and how many the query's. */
  readonly chosen: number;
  readonly votes: number;
  readonly ownLabel: number;
  /** The first of them. */
  readonly examples: readonly { readonly row: number; readonly text: string; readonly label: string }[];
}

const CASES = 5;
const EXAMPLES = 5;

/** Queries of different labels come first, at random with a fixed seed: data are often sorted by label. */
export function casesOf(
  { runs }: Comparison,
  { pool, queries, focus, baseline }: { readonly pool: readonly LabelledItem[]; readonly queries: readonly LabelledItem[]; readonly focus: string | null; readonly baseline: string }, // prettier-ignore
): Cases {
  const { seed } = runs[0]!;
  const ofSeed = runs.filter((run) => run.seed === seed);
  const selectors = focus === null ? [baseline] : [focus, baseline];
  const shown = selectors.map((name) => ofSeed.find(({ selector }) => selector === name)!);
  const others = ofSeed.filter(({ selector }) => !selectors.includes(selector));
  const [first, base] = shown as [SelectorRun, SelectorRun | undefined];
  const group = (kind: CaseGroup['kind'], test: (query: number) => boolean): CaseGroup => {
    const found = queries.flatMap((_, query) => (test(query) ? [query] : []));
    const picked = pick(found, queries, kind);
    return { kind, total: found.length, cases: picked.map((query) => caseOf(query, { pool, queries, shown, others })) };
  };
  const groups = [
    ...(base === undefined
      ? []
      : [
          group('won', (query) => first.correct[query]! && !base.correct[query]!),
          group('lost', (query) => !first.correct[query]! && base.correct[query]!),
        ]),
    group('all-wrong', (query) => ofSeed.every(({ correct }) => !correct[query]!)),
  ];
  return { seed, selectors, groups };
}

function pick(found: readonly number[], queries: readonly LabelledItem[], kind: string): number[] {
  const drawn = Rng.stream(0, 'report', 'cases', kind)
    .sample(found.length, found.length)
    .map((i) => found[i]!);
  const seen = new Set<string>();
  const [fresh, repeated] = [[] as number[], [] as number[]];
  for (const query of drawn) {
    const { label } = queries[query]!;
    (seen.has(label) ? repeated : fresh).push(query);
    seen.add(label);
  }
  return [...fresh, ...repeated].slice(0, CASES);
}

function caseOf(
  query: number,
  { pool, queries, shown, others }: { readonly pool: readonly LabelledItem[]; readonly queries: readonly LabelledItem[]; readonly shown: readonly SelectorRun[]; readonly others: readonly SelectorRun[] }, // prettier-ignore
): Case {
  const { input, label } = queries[query]!;
  return {
    query,
    text: input,
    label,
    choices: shown.map(({ selector, predicted, rows }) => ({
      selector,
      predicted: predicted[query]!,
      chosen: rows[query]!.length,
      votes: rows[query]!.filter((row) => pool[row]!.label === predicted[query]).length,
      ownLabel: rows[query]!.filter((row) => pool[row]!.label === label).length,
      examples: rows[query]!.slice(0, EXAMPLES).map((row) => ({
        row,
        text: pool[row]!.input,
        label: pool[row]!.label,
      })),
    })),
    others: others.map(({ selector, predicted }) => ({ selector, predicted: predicted[query]! })),
  };
}
