/**
 * All that an evaluation report says. It is written as report.json; the page and the Markdown are made of it and say nothing else. Names
 * and units are fixed: shares and accuracies are fractions of 1, times are seconds, rows count from 0.
 */
import { LIBRARY_VERSION } from '../../core/version.js';
import type { Comparison, SelectorRun } from '../compare/compare.js';
import { verdict, type CompareReport, type SelectorSummary } from '../compare/compare-report.js';
import type { TruncatedRows } from '../classify/classify.js';
import type { CurvePoint } from '../compare/curve.js';
import type { DataCounts } from '../data/data-counts.js';
import type { LabelledItem } from '../data/labelled.js';
import { comparedByReplies } from '../icl/icl-verdict.js';
import { adviceOf, type Advice } from './facts/advice.js';
import { casesOf, type Cases } from './facts/cases.js';
import { classDifferences, type ClassDifferences } from './facts/class-differences.js';
import { confusionsOf, type Confusions } from './facts/confusions.js';
import { dataNotes, type DataNotes } from './facts/data-notes.js';
import { judgedByLlm, wrongReplies, wrongVotes } from './facts/judged.js';
import { llmFigures, type LlmFigures, type LlmInput } from './facts/llm.js';
import { nextSteps, type NextStep } from './facts/next-steps.js';
import { poolMap, type MapInput, type PoolMap } from './facts/pool-map.js';
import { selectorWords } from './facts/selector-words.js';

export interface ReportInput {
  readonly comparison: Comparison;
  readonly report: CompareReport;
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly data: DataCounts;
  readonly settings: ReportSettings;
  readonly curve?: readonly CurvePoint[] | undefined;
  readonly map?: MapInput | undefined;
  readonly truncated?: TruncatedRows | null | undefined;
  /** What an LLM answered with the chosen examples; without, all of it is about their vote. */
  readonly llm?: LlmInput | undefined;
}

export interface ReportSettings {
  /** What the data are called. */
  readonly data?: string | undefined;
  /** Where the rows are from, and which of them were taken; left out where nobody can know. */
  readonly rows?: RowSettings | undefined;
  /** As the user named them: a program is `NAME=COMMAND`. In the order of the comparison. */
  readonly selectors: readonly string[];
  readonly encoder: { readonly id: string } | null;
  /** The features' settings (FeatureSpec); null where no selector is by features. */
  readonly spec: object | null;
  /** P that was asked for. */
  readonly dims: number | null;
  readonly fingerprint: string;
  /** What to type to run it again. */
  readonly command?: string | undefined;
  /** Of other packages that the figures depend on, beside this one's and Node's. */
  readonly versions?: Readonly<Record<string, string>> | undefined;
  /** When it was run, as the reader is to see it. Left out, two reports of one run are the same to the byte. */
  readonly date?: string | undefined;
}

/** Names of sources, and the parts of them that were taken. */
export interface RowSettings {
  readonly train: string;
  /** Null where the queries were held out of the training rows. */
  readonly test: string | null;
  /** Null where no share was held out. */
  readonly split: { readonly share: number; readonly seed: number; readonly moved: number } | null;
  /** Rows at most, drawn at random; null for all. */
  readonly limitTrain: number | null;
  readonly limitTest: number | null;
}

export interface ReportModel {
  readonly format: 'fungi-report/2';
  readonly title: string;
  /** One paragraph. */
  readonly verdict: string;
  readonly nextSteps: readonly NextStep[];
  readonly advice: Advice;
  readonly baseline: string;
  /** Examples that a selector chooses for a query. */
  readonly k: number;
  readonly seeds: readonly number[];
  /** Queries that are in the pool too, but for case and spaces; of those that the LLM was asked where one was. */
  readonly leaked: number;
  /** By the vote of what each chose, over all queries; without gains where an LLM was asked. */
  readonly selectors: readonly SelectorFigures[];
  /** Null where no LLM was asked: then labels, mistakes and cases are by the vote, else by what it replied. */
  readonly llm: LlmFigures | null;
  readonly curve: readonly CurvePoint[] | null;
  readonly classes: ClassDifferences | null;
  readonly confusions: Confusions;
  readonly map: PoolMap | null;
  readonly cases: Cases;
  readonly data: DataNotes;
  readonly method: Method;
}

export interface SelectorFigures extends SelectorSummary {
  /** What it does, in words. */
  readonly description: string;
}

export interface Method {
  readonly data: string | null;
  readonly rows: RowSettings | null;
  readonly encoder: { readonly id: string } | null;
  readonly spec: object | null;
  readonly dims: number | null;
  readonly fingerprint: string;
  readonly command: string | null;
  readonly date: string | null;
  readonly versions: { readonly 'fungi-icl': string; readonly node: string; readonly [name: string]: string };
}

/** @param input pool and queries as they were compared: rows of the runs count in them */
export function reportModel(input: ReportInput): ReportModel {
  const { report, pool, queries, settings, curve, llm: asked } = input;
  // Those of pools cut down are the curve's.
  const runs = input.comparison.runs.filter(({ shots }) => shots === null);
  const comparison = { ...input.comparison, runs };
  const { baseline, k } = report;
  const figures = asked === undefined ? report.summary : comparedByReplies(asked.report);
  const advice = adviceOf({ summary: figures, baseline });
  const focus = advice.focus === null ? [baseline] : [advice.focus, baseline];
  const judged =
    asked === undefined ? { runs, queries } : judgedByLlm(runs, asked.answers, { queries, selectors: focus });
  const confusions = confusionsOf(judged.runs, judged.queries, focus);
  const data = dataNotes(pool, queries, input.data, input.truncated);
  const llm = asked === undefined ? null : llmFigures(asked);
  return {
    format: 'fungi-report/2',
    title: `Which examples to show${settings.data === undefined ? '' : `: ${settings.data}`}`,
    verdict: asked?.verdict ?? verdict(report),
    nextSteps: nextSteps({ encoder: settings.encoder?.id ?? null, advice, baseline, figures, confusions, data, llm }),
    advice,
    ...{ baseline, k, leaked: asked?.report.leaked ?? report.leaked },
    seeds: [...new Set(runs.map(({ seed }) => seed))],
    selectors: report.summary.map(({ gain, ...each }, i) => ({
      ...each,
      // The gain is that of the vote, which is not what was asked for.
      ...(gain !== undefined && asked === undefined && { gain }),
      description: selectorWords(settings.selectors[i] ?? each.selector),
    })),
    llm,
    curve: curve === undefined || curve.length === 0 ? null : curve,
    classes:
      advice.focus === null
        ? null
        : classDifferences(judged.runs, judged.queries, { selector: advice.focus, baseline }),
    confusions,
    map: mapOf(input, runs),
    cases: casesOf(comparison, { pool, queries, focus: advice.focus, baseline, answers: asked?.answers }),
    data,
    method: {
      data: settings.data ?? null,
      rows: settings.rows ?? null,
      encoder: settings.encoder,
      spec: settings.spec,
      dims: settings.dims,
      fingerprint: settings.fingerprint,
      command: settings.command ?? null,
      date: settings.date ?? null,
      versions: { 'fungi-icl': LIBRARY_VERSION, node: process.versions.node, ...settings.versions },
    },
  };
}

/** Null without a map, or of a selector that was not compared. */
function mapOf({ map, pool, queries, llm }: ReportInput, runs: readonly SelectorRun[]): PoolMap | null {
  const place = runs.findIndex(({ selector }) => selector === map?.selector);
  if (map === undefined || place < 0) return null;
  const wrong = llm === undefined ? wrongVotes(runs[place]!) : wrongReplies(llm.answers, place);
  return poolMap(map, { pool, queries, wrong });
}
