/** `fungi eval compare`: which selector of examples is best on this data, and is it more than luck? */
import type { Command } from 'commander';
import { fingerprint } from '../../core/fingerprint.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { CompareReport } from '../../eval/compare/compare-report.js';
import { countData, type DataCounts } from '../../eval/knn-report.js';
import { assertLabels } from '../../eval/read-examples.js';
import { rowsFingerprint } from '../../eval/rows-fingerprint.js';
import type { EncoderSpec } from '../../store/manifest.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, readRows, saveReport } from '../eval-data.js';
import { dataLines } from '../knn-text.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  addKeyOptions,
  collect,
  engineOptions,
  featureSettings,
  whole,
  type EncoderFlags,
  type FeatureFlags,
  type KeyFlags,
} from '../options.js';
import { table } from '../output.js';

interface CompareFlags extends CommonOptions, EncoderFlags, FeatureFlags, KeyFlags {
  readonly train: string;
  readonly test: string;
  readonly selectors: readonly string[];
  readonly selector?: readonly string[];
  readonly baseline?: string;
  readonly k: number;
  readonly seeds: number;
  readonly limitTrain?: number;
  readonly limitTest?: number;
}

export function addEvalCompare(evaluation: Command, run: Run): void {
  const command = evaluation
    .command('compare')
    .description('selectors of examples on the same pool and queries, with a verdict')
    .requiredOption('--train <file>', 'the pool to choose examples from: .jsonl, .csv or .tsv')
    .requiredOption('--test <file>', 'the queries')
    .option(
      '--selectors <list>',
      'random, fixed, bm25; feature sets as in `eval knn` (embedding, kl, …); mmr: before a feature set (default: random,bm25,embedding,kl)',
      (value) => value.split(','),
      ['random', 'bm25', 'embedding', 'kl'],
    )
    .option('--selector <name=command>', 'a program that speaks JSON lines; may be repeated', collect)
    .option('--baseline <name>', 'what the others are held against (default: embedding, else the first)')
    .option('-k, --k <count>', 'examples to choose for each query', whole(1), 20)
    .option('--seeds <count>', 'runs, with seeds 0, 1, …', whole(1, 100), 1)
    .option('--limit-train <count>', 'a random part of the pool, drawn with seed 0', whole(1))
    .option('--limit-test <count>', 'a random part of the queries, drawn with seed 0', whole(1));
  addCommonOptions(addKeyOptions(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
Accuracy is that of the vote of the chosen examples, ties to the one that comes first: what a prompt shows, without an LLM. Intervals
hold 95 %; p is two-sided, corrected for the number of selectors (Holm).

A program given by --selector is started by the shell for each seed. On stdin it gets, one JSON object a line, {"type":"pool","k":…,
"seed":…,"size":…}, then {"type":"example","row":…,"text":…,"label":…} for each row of the pool and {"type":"query","query":…,"text":…}
for each query. It answers each query with {"query":…,"rows":[…]} on stdout, the best row first.

Examples:
  fungi eval compare --train train.jsonl --test test.jsonl
  fungi eval compare --train train.jsonl --test test.jsonl --selectors fixed,bm25,embedding,mmr:embedding,kl --seeds 3
  fungi eval compare --train train.jsonl --test test.jsonl --selector 'mine=python3 my_selector.py'`,
    )
    .action((flags: CompareFlags) => run(flags, (context) => evalCompare(context, flags)));
}

async function evalCompare(context: Context, flags: CompareFlags): Promise<Report> {
  const { k, baseline } = flags;
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const pool = part(await readRows(flags.train, flags, context), flags.limitTrain, 'train');
  const queries = part(await readRows(flags.test, flags, context), flags.limitTest, 'test');
  assertLabels(pool, flags.train);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const names = [...flags.selectors, ...(flags.selector ?? [])];

  const { namedSelectors } = await import('../../eval/compare/named-selectors.js');
  const { compareSelectors } = await import('../../eval/compare/compare.js');
  const { compareReport, verdict } = await import('../../eval/compare/compare-report.js');
  let loaded: { readonly engine: GradientEngine; readonly encoder: EncoderSpec } | undefined;
  const load = async (): Promise<GradientEngine> => {
    const { loadEngine } = await import('../../selector/load-engine.js');
    loaded = await loadEngine(engineOptions(flags, context));
    return loaded.engine;
  };
  try {
    const options = { seeds, dims: flags.dims, settings: featureSettings(flags) };
    const selectors = await namedSelectors(names, options, load);
    const comparison = await compareSelectors({ pool, queries, selectors, k, seeds, onProgress: context.onProgress });
    const found = compareReport(comparison, { pool, queries, k, baseline });
    const encoder = loaded?.encoder ?? null;
    const report = {
      ...found,
      verdict: verdict(found),
      encoder,
      data: countData(pool, queries),
      fingerprint: fingerprint({
        encoder: encoder && { ...encoder, id: undefined, file: undefined },
        ...{
          selectors: names,
          k,
          seeds: flags.seeds,
          dims: flags.dims,
          settings: featureSettings(flags) as object as never,
        },
        ...{ train: rowsFingerprint(pool), test: rowsFingerprint(queries) },
      }),
    };
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    return { text: compareText(report), json: report, ...(error && { error }) };
  } finally {
    await loaded?.engine.close();
  }
}

const TITLES = [
  'selector',
  'accuracy %',
  '95 %',
  'gain',
  '95 %',
  'p',
  'macro-F1',
  'own label shown',
  'with it',
  'ms/query',
];

function compareText(
  report: CompareReport & { readonly verdict: string; readonly data: DataCounts; readonly fingerprint: string },
): string {
  const columns = TITLES.map((title, i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) }));
  const rows = report.summary.map((each) => [
    each.selector,
    percent(each.accuracy),
    `${percent(each.low)} to ${percent(each.high)}`,
    each.gain === undefined ? '' : signed(each.gain.difference),
    each.gain === undefined ? '' : `${signed(each.gain.low)} to ${signed(each.gain.high)}`,
    each.gain === undefined ? '' : each.gain.adjusted.toPrecision(1),
    percent(each.macroF1),
    percent(each.labelHit),
    percent(each.sameLabel),
    (1000 * each.secondsPerQuery).toPrecision(2),
  ]);
  const unleaked = report.summary.map(
    ({ selector, accuracyUnleaked }) =>
      `${selector} ${accuracyUnleaked === null ? 'none left' : percent(accuracyUnleaked)}`,
  );
  return [
    report.verdict,
    '',
    table(columns, rows),
    `k = ${report.k}, gains over ${report.baseline}; own label shown: queries that see an example of it; with it: share of the examples`,
    ...(report.leaked > 0
      ? [`accuracy without the ${report.leaked} queries that are in the pool: ${unleaked.join(', ')}`]
      : []),
    ...dataLines(report.data),
    `fingerprint: ${report.fingerprint}`,
  ].join('\n');
}

const percent = (fraction: number): string => (100 * fraction).toFixed(1);
const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
