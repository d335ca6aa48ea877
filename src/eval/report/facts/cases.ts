/** Single queries, with what was chosen for them: what the figures look like. */
import { Rng } from '../../../core/rng.js';
import type { Comparison, SelectorRun } from '../../compare/compare.js';
import type { LabelledItem } from '../../data/labelled.js';
import type { QueryAnswers } from '../../icl/query-answers.js';
import { isReply } from './judged.js';

export interface Cases {
  readonly seed: number;
  /** Shown side by side: the selector held against the baseline, then the baseline; or the only one. */
  readonly selectors: readonly string[];
  readonly groups: readonly CaseGroup[];
}

export interface CaseGroup {
  /**
   * `won`: the first selector right, the baseline wrong. `lost`: the other way round. `all-wrong`: so are all selectors compared. By what the
   * LLM replied where one was asked, else by the vote.
   */
  readonly kind: 'won' | 'lost' | 'all-wrong';
  /** Queries of that kind, of which `cases` are some. */
  readonly total: number;
  readonly cases: readonly Case[];
}

export interface Case {
  /** Row of the query, and where it was read ("file:line"; null where that is not known). */
  readonly query: number;
  readonly where: string | null;
  readonly text: string;
  readonly label: string;
  /** Of `selectors`, in their order. */
  readonly choices: readonly Choice[];
  /** What all other selectors answered. */
  readonly others: readonly Pick<Choice, 'selector' | 'predicted' | 'reply'>[];
}

export interface Choice {
  readonly selector: string;
  /** The label of the vote; '' where nothing was chosen. */
  readonly predicted: string;
  /** What the LLM replied; null where none was asked. */
  readonly reply: CaseReply | null;
  /** How many were chosen, how many of them have the label answered, and how many the query's. */
  readonly chosen: number;
  readonly votes: number;
  readonly ownLabel: number;
  /** The first of them. */
  readonly examples: readonly CaseExample[];
}

export interface CaseExample {
  /** Of the pool. */
  readonly row: number;
  readonly where: string | null;
  readonly text: string;
  readonly label: string;
}

/** As in the answers that `eval icl` gives under --json. */
export type CaseReply = Pick<QueryAnswers['answers'][number], 'label' | 'text' | 'error'> & {
  readonly kind: QueryAnswers['answers'][number]['reply'];
};

const CASES = 5;
const EXAMPLES = 5;

export interface CasesOptions {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly focus: string | null;
  readonly baseline: string;
  /** What an LLM answered, its answers in the order of the runs. */
  readonly answers?: readonly QueryAnswers[] | undefined;
}

/** A run, with what the LLM replied to each query. */
interface Shown extends SelectorRun {
  readonly replies: readonly CaseReply[] | null;
}

/** Queries of different labels come first, at random with a fixed seed: data are often sorted by label. */
export function casesOf({ runs }: Comparison, { focus, baseline, answers, ...data }: CasesOptions): Cases {
  const { queries } = data;
  const { seed } = runs[0]!;
  const ofSeed = runs.flatMap((run, place): Shown[] =>
    run.seed === seed ? [{ ...run, replies: answers?.map((each) => replyOf(each, place)) ?? null }] : [],
  );
  const selectors = focus === null ? [baseline] : [focus, baseline];
  const shown = selectors.map((name) => ofSeed.find(({ selector }) => selector === name)!);
  const others = ofSeed.filter(({ selector }) => !selectors.includes(selector));
  const [first, base] = shown as [Shown, Shown | undefined];
  const group = (kind: CaseGroup['kind'], test: (query: number) => boolean): CaseGroup => {
    const found = queries.flatMap((_, query) => (test(query) ? [query] : []));
    const picked = pick(found, queries, kind);
    return { kind, total: found.length, cases: picked.map((query) => caseOf(query, { ...data, shown, others })) };
  };
  const is = (right: boolean, run: Shown, query: number): boolean => judge(run, query, queries[query]!.label) === right;
  const groups = [
    ...(base === undefined
      ? []
      : [
          group('won', (query) => is(true, first, query) && is(false, base, query)),
          group('lost', (query) => is(false, first, query) && is(true, base, query)),
        ]),
    group('all-wrong', (query) => ofSeed.every((run) => is(false, run, query))),
  ];
  return { seed, selectors, groups };
}

function replyOf({ answers }: QueryAnswers, place: number): CaseReply {
  const { reply: kind, label, text, error } = answers[place]!;
  return { kind, label, text, error };
}

/** Null where the LLM gave no reply: neither right nor wrong. */
function judge({ correct, replies }: Shown, query: number, truth: string): boolean | null {
  if (replies === null) return correct[query]!;
  const { kind, label } = replies[query]!;
  return isReply({ reply: kind }) ? label === truth : null;
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
  { pool, queries, shown, others }: Pick<CasesOptions, 'pool' | 'queries'> & Record<'shown' | 'others', readonly Shown[]>, // prettier-ignore
): Case {
  const { input, label, where = null } = queries[query]!;
  return {
    query,
    where,
    text: input,
    label,
    choices: shown.map(({ selector, predicted, rows, replies }) => ({
      selector,
      predicted: predicted[query]!,
      reply: replies?.[query] ?? null,
      chosen: rows[query]!.length,
      votes: rows[query]!.filter((row) => pool[row]!.label === predicted[query]).length,
      ownLabel: rows[query]!.filter((row) => pool[row]!.label === label).length,
      examples: rows[query]!.slice(0, EXAMPLES).map((row) => ({
        row,
        where: pool[row]!.where ?? null,
        text: pool[row]!.input,
        label: pool[row]!.label,
      })),
    })),
    others: others.map(({ selector, predicted, replies }) => ({
      selector,
      predicted: predicted[query]!,
      reply: replies?.[query] ?? null,
    })),
  };
}
