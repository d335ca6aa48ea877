/** Reports of small comparisons that were really run. */
import { FungiError } from '../../../src/core/errors.js';
import type { ExampleSelector } from '../../../src/eval/compare/example-selector.js';
import { compareReport } from '../../../src/eval/compare/compare-report.js';
import { compareSelectors, type SelectorRun } from '../../../src/eval/compare/compare.js';
import { drawPools } from '../../../src/eval/data/pools.js';
import { countData } from '../../../src/eval/data/data-counts.js';
import type { LabelledItem } from '../../../src/eval/data/labelled.js';
import type { Replies, Reply } from '../../../src/eval/icl/ask.js';
import { iclReport } from '../../../src/eval/icl/icl-report.js';
import { iclVerdict } from '../../../src/eval/icl/icl-verdict.js';
import type { PromptPlan } from '../../../src/eval/icl/prompt-plan.js';
import { queryAnswers } from '../../../src/eval/icl/query-answers.js';
import type { Prices } from '../../../src/eval/icl/spending.js';
import type { ReportInput, ReportSettings } from '../../../src/eval/report/model.js';

export type Chooser = (query: number, task: { readonly pool: readonly LabelledItem[]; readonly k: number; readonly seed: number }) => readonly number[]; // prettier-ignore

export interface Small {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly choosers: Readonly<Record<string, Chooser>>;
  readonly k?: number;
  readonly seeds?: readonly number[];
  readonly baseline?: string;
  readonly settings?: Partial<ReportSettings>;
  readonly curve?: ReportInput['curve'];
  readonly map?: ReportInput['map'];
}

export async function reportInput(small: Small): Promise<ReportInput> {
  const { pool, queries, choosers, k = 3, seeds = [0], baseline, settings, curve, map } = small;
  const selectors = Object.entries(choosers).map(([name, choose]): ExampleSelector => ({
    name,
    seeded: true,
    select: (task) => Promise.resolve(task.queries.map((_, query) => choose(query, task).slice(0, task.k))),
  }));
  const pools = drawPools(
    pool.map(({ label }) => label),
    { seeds },
  );
  const comparison = await compareSelectors({ pool, queries, selectors, k, pools });
  // Times differ from run to run.
  const runs = comparison.runs.map((run) => ({ ...run, seconds: 0.25 }));
  return {
    comparison: { ...comparison, runs },
    report: compareReport({ ...comparison, runs }, { pool, queries, k, baseline }),
    ...{ pool, queries, curve, map },
    data: countData(pool, queries),
    settings: {
      ...{ selectors: Object.keys(choosers), encoder: null, spec: null, dims: null, fingerprint: 'f00d' },
      ...settings,
    },
  };
}

/** `labels` labels with `rows` pool rows and `queries` queries each. */
export function rowsOf(labels: readonly string[], rows: number, what: string): LabelledItem[] {
  return labels.flatMap((label) =>
    Array.from({ length: rows }, (_, i) => ({ input: `${what} ${i} about ${label}`, label })),
  );
}

const own: Chooser = (query, { pool, k }) => pool.map((_, row) => row).slice(query % pool.length).slice(0, k); // prettier-ignore
const first: Chooser = (_, { pool, k }) => pool.map((__, row) => row).slice(0, k);

/** Three labels, three selectors of which one chooses nothing for some queries. */
export const SMALL: Small = {
  pool: rowsOf(['red', 'green', 'blue'], 4, 'example'),
  queries: rowsOf(['red', 'green', 'blue'], 4, 'query'),
  choosers: { embedding: first, kl: own, bm25: (query, task) => (query % 4 === 0 ? [] : own(query, task)) },
};

/** What an endpoint said to one prompt: a text, a text cut off, an error, or nothing since nobody asked. */
export type Said = string | { readonly cut: string } | FungiError | undefined;

/** The same report with an LLM that says what `say` says to each query with the choice of each run. */
export function askedInput(
  input: ReportInput,
  say: (query: LabelledItem, run: SelectorRun, row: number) => Said,
  { prices, model = 'stand-in' }: { readonly prices?: Prices; readonly model?: string } = {},
): ReportInput {
  const { comparison, queries, pool, report: { k, baseline } } = input; // prettier-ignore
  const { runs } = comparison;
  const n = queries.length;
  const at = runs.flatMap((run, r) => queries.map((query, row) => ({ run, r, query, row })));
  const plan: PromptPlan = {
    prompts: at.map(({ r, row }) => ({
      ...{
        key: `${r} ${row}`,
        run: r,
        query: row,
        size: { tokens: 100, characters: 400 },
        mediaTokens: 0,
        mostTokens: 500,
      },
      kept: undefined,
    })),
    places: runs.map(({ rows }, r) => rows.map((chosen, row) => ({ prompt: r * n + row, examples: chosen.length }))),
  };
  const replies: Replies = { of: at.map(({ run, query, row }) => replyOf(say(query, run, row))) };
  const labels = [...new Set(pool.map(({ label }) => label))];
  const sent = { requests: at.length, lost: 0 };
  const report = iclReport({ comparison, queries, labels, plan, replies, k, baseline, prices, sent });
  return {
    ...input,
    llm: {
      ...{ report, verdict: iclVerdict(report, model) },
      answers: queryAnswers({ comparison, queries, labels, plan, replies }),
      settings: { model, template: 'classify', maxTokens: 256, prices: prices ?? null, stopped: null },
    },
  };
}

function replyOf(said: Said): Reply | undefined {
  if (said === undefined) return undefined;
  if (FungiError.is(said)) return { kind: 'failed', error: said };
  const text = typeof said === 'string' ? said : said.cut;
  const finishReason = typeof said === 'string' ? 'stop' : 'length';
  const usage = { promptTokens: 1000, completionTokens: 10 };
  return { kind: 'reply', now: true, completion: { text, finishReason, usage, cached: false, attempts: 1, latencyMs: 40 } }; // prettier-ignore
}
