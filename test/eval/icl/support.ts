/** A comparison with known choices over a real endpoint, which answers by rule. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OnProgress } from '../../../src/core/progress.js';
import type { Comparison, SelectorRun } from '../../../src/eval/compare/compare.js';
import type { LabelledItem } from '../../../src/eval/data/labelled.js';
import { askPlan, type Replies } from '../../../src/eval/icl/ask.js';
import { iclReport, type IclReport } from '../../../src/eval/icl/icl-report.js';
import { planPrompts, type PromptPlan } from '../../../src/eval/icl/prompt-plan.js';
import { Spending, type SpendingOptions } from '../../../src/eval/icl/spending.js';
import { BreakerClient } from '../../../src/llm/breaker.js';
import { CachedClient } from '../../../src/llm/cache.js';
import { OpenAiClient } from '../../../src/llm/openai.js';
import { loadTemplate } from '../../../src/prompt/load.js';
import type { PromptTemplate } from '../../../src/prompt/template.js';
import { ScriptedLlm, type RecordedRequest, type Script } from '../../../src/testing/scripted-llm.js';
import { textOf as messageText } from '../../support/message-text.js';

export const LABELS = ['ant', 'bee', 'cow'];
/** Three examples of each label, the labels in turns: row r has label r mod 3. */
export const POOL: readonly LabelledItem[] = Array.from({ length: 9 }, (_, row) => ({
  input: `example ${row}`,
  label: LABELS[row % 3]!,
}));

/** Query i has label i mod 3. */
export const queriesOf = (count: number): LabelledItem[] =>
  Array.from({ length: count }, (_, i) => ({ input: `query ${i}`, label: LABELS[i % 3]! }));

/** A selector that chooses these rows for each query. */
export const runOf = (
  selector: string,
  queries: readonly LabelledItem[],
  rowsOf: (query: number) => readonly number[],
  seed = 0,
): SelectorRun => {
  const rows = queries.map((_, query) => rowsOf(query));
  const predicted = rows.map((chosen) => majority(chosen.map((row) => POOL[row]!.label)) ?? '');
  const correct = predicted.map((label, i) => label === queries[i]!.label);
  return { selector, seed, shots: null, rows, predicted, correct, seconds: 0 };
};

/** Rows of a query's own label, and of another. */
export const ownRows = (query: number): number[] => [0, 3, 6].map((row) => row + (query % 3));
export const otherRows = (query: number): number[] => ownRows(query + 1);

/** The label that most have; of equals the one that comes first. */
export function majority(labels: readonly string[]): string | undefined {
  const count = (label: string): number => labels.filter((each) => each === label).length;
  return [...labels].sort((a, b) => count(b) - count(a))[0];
}

export const textOf = ({ body }: Pick<RecordedRequest, 'body'>): string => body.messages.map(messageText).join('\n');
export const queryOf = (request: Pick<RecordedRequest, 'body'>): string => / query\] (.*)$/.exec(textOf(request))![1]!;
/** Labels of the examples in a prompt of the template `classify`. */
export const exampleLabels = (request: Pick<RecordedRequest, 'body'>): string[] =>
  [...textOf(request).matchAll(/^\[\w+ class\] (.*)$/gm)].map((match) => match[1]!);

/** The rule: what most examples say; without any, the first label of the list. */
export const obey = (request: RecordedRequest): string =>
  majority(exampleLabels(request)) ?? /list:\n(\w+)/.exec(textOf(request))![1]!;

export interface Setting extends SpendingOptions {
  readonly queries: readonly LabelledItem[];
  readonly runs: readonly SelectorRun[];
  readonly baseline?: string;
  readonly leaked?: readonly boolean[];
  readonly concurrency?: number;
  readonly template?: PromptTemplate;
  readonly attempts?: number;
  readonly onProgress?: OnProgress;
}

export interface Ran {
  readonly plan: PromptPlan;
  readonly replies: Replies;
  readonly spending: Spending;
  readonly report: () => IclReport;
}

/** A folder for replies and an endpoint; any number of runs over them. */
export class Lab {
  private constructor(
    readonly folder: string,
    readonly llm: ScriptedLlm,
  ) {}

  static async open(script: Script): Promise<Lab> {
    return new Lab(await mkdtemp(join(tmpdir(), 'fungi-icl-')), await ScriptedLlm.start(script));
  }

  async close(): Promise<void> {
    await this.llm.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async run(setting: Setting): Promise<Ran> {
    const { queries, runs, concurrency = 2, baseline = runs[0]!.selector, attempts = 2, maxTokens = 16 } = setting;
    const spending = new Spending({ ...setting, maxTokens });
    const endpoint = new OpenAiClient({
      ...{ baseUrl: this.llm.baseUrl, model: 'stand-in', concurrency, gate: spending },
      retry: { attempts, baseDelayMs: 1 },
    });
    const llm = new CachedClient(new BreakerClient(endpoint), { folder: this.folder });
    const template = setting.template ?? (await loadTemplate('classify'));
    const { onProgress } = setting;
    const options = { pool: POOL, queries, runs, labels: LABELS, template, llm, maxTokens, onProgress };
    const plan = await planPrompts(options);
    const replies = await askPlan(plan, { ...options, concurrency });
    const comparison: Comparison = { runs, leaked: setting.leaked ?? queries.map(() => false) };
    const report = (): IclReport =>
      iclReport({ comparison, queries, labels: LABELS, plan, replies, k: 3, baseline, prices: setting.prices, sent: spending }); // prettier-ignore
    return { plan, replies, spending, report };
  }
}
