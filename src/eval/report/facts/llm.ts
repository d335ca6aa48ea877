/** What is told of the LLM that was asked, and what it took. */
import type { IclReport } from '../../icl/icl-report.js';
import type { QueryAnswers } from '../../icl/query-answers.js';
import type { Prices } from '../../icl/spending.js';

export interface LlmInput {
  readonly report: IclReport;
  readonly verdict: string;
  readonly answers: readonly QueryAnswers[];
  readonly settings: LlmSettings;
}

export interface LlmSettings {
  /** The LLM's name. */
  readonly model: string;
  readonly template: string;
  /** Limit to the length of a reply; null without. */
  readonly maxTokens: number | null;
  /** Of a million tokens; null where they are unknown. */
  readonly prices: Prices | null;
  /** Why the work ended early; null where it did not. */
  readonly stopped: { readonly code: string; readonly message: string } | null;
}

/** Its figures, as `eval icl` gives them under --json. */
export interface LlmFigures
  extends LlmSettings, Pick<IclReport, 'summary' | 'queries' | 'unasked' | 'requests' | 'lost' | 'usage'> {}

export const llmFigures = ({ report, settings }: LlmInput): LlmFigures => {
  const { summary, queries, unasked, requests, lost, usage } = report;
  return { ...settings, summary, queries, unasked, requests, lost, usage };
};
