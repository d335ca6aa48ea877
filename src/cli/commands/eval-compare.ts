/** `fungi eval compare`: which selector of examples is best on this data, and is it more than luck? */
import type { Command } from 'commander';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { ExampleSelector } from '../../eval/compare/example-selector.js';
import type { QueryCostOptions } from '../../eval/compare/query-cost.js';
import { parseFeatureSet } from '../../eval/features/feature-sets.js';
import { countData } from '../../eval/data/data-counts.js';
import { assertLabels } from '../../eval/data/read-examples.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import type { FeatureOptions, FeatureSpec } from '../../features/spec.js';
import type { LoadedEngine } from '../../selector/load-engine.js';
import { compareText } from '../compare-text.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, readRows, saveReport } from '../eval-data.js';
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
  readonly throughputTexts: number;
}

export function addEvalCompare(evaluation: Command, run: Run): void {
  const command = evaluation
    .command('compare')
    .description('selectors of examples on the same pool and queries, with a verdict')
    .requiredOption('--train <file>', 'the pool to choose examples from: .jsonl, .csv or .tsv')
    .requiredOption('--test <file>', 'the queries')
    .option(
      '--selectors <list>',
      'random, fixed, bm25; feature sets as for `eval knn` (embedding, kl, …); mmr: before one (mmr:embedding)',
      (value) => value.split(','),
      ['random', 'fixed', 'bm25', 'embedding', 'kl'],
    )
    .option('--selector <name=command>', 'a program that speaks JSON lines; may be repeated', collect)
    .option('--baseline <name>', 'what the others are held against (default: embedding, else the first)')
    .option('-k, --k <count>', 'examples to choose for each query', whole(1), 20)
    .option(
      '--seeds <count>',
      'runs, with seeds 0, 1, …: random examples, heads, views and projections',
      whole(1, 100),
      1,
    )
    .option('--limit-train <count>', 'a random part of the pool, drawn with seed 0', whole(1))
    .option('--limit-test <count>', 'a random part of the queries, drawn with seed 0', whole(1))
    .option('--throughput-texts <count>', 'queries to time each feature set on; 0 times nothing', whole(0), 128);
  addCommonOptions(addKeyOptions(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
Accuracy is that of the vote of the chosen examples, ties to the label that comes first: what a prompt would show, without an LLM.
Duplicate rows are counted and kept. The pool needs two labels at least. A model is loaded only for feature sets.

Intervals hold 95 %: with one seed over queries (Wilson's; for gains a paired bootstrap), with several over seeds too. p is two-sided,
McNemar's mid-p for one seed, of the bootstrap for several, and corrected for the number of comparisons with the baseline (Holm).
Of a feature set, ms/query is the time to make a query's features, without the search; of others that of the whole choice.

A program given by --selector is started by the shell for each seed. On stdin it gets, one JSON object a line, {"type":"pool","k":…,
"seed":…,"size":…}, then {"type":"example","row":…,"text":…,"label":…} for each row of the pool and {"type":"query","query":…,"text":…}
for each query. It answers each query with {"query":…,"rows":[…]} on stdout, the best row first. The fingerprint has its command
line, not what the program does.

Examples:
  fungi eval compare --train train.jsonl --test test.jsonl
  fungi eval compare --train train.jsonl --test test.jsonl --selectors fixed,bm25,embedding,mmr:embedding,kl --seeds 3
  fungi eval compare --train train.jsonl --test test.jsonl --selector 'mine=python3 my_selector.py'`,
    )
    .action((flags: CompareFlags) => run(flags, (context) => evalCompare(context, flags)));
}

async function evalCompare(context: Context, flags: CompareFlags): Promise<Report> {
  const { k, dims } = flags;
  const { onProgress } = context;
  const names = [...flags.selectors, ...(flags.selector ?? [])];
  const { featureSetsOf, namedSelectors, selectorTitles } = await import('../../eval/compare/named-selectors.js');
  const { baselineOf, compareReport, verdict } = await import('../../eval/compare/compare-report.js');
  const baseline = baselineOf(selectorTitles(names), flags.baseline);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const pool = part(await readRows(flags.train, flags, context), flags.limitTrain, 'train');
  const queries = part(await readRows(flags.test, flags, context), flags.limitTest, 'test');
  assertLabels(pool, flags.train);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const settings = featureSettings(flags);

  const { compareSelectors } = await import('../../eval/compare/compare.js');
  let loaded: LoadedEngine | undefined;
  const load = async (): Promise<GradientEngine> => {
    const { loadEngine } = await import('../../selector/load-engine.js');
    loaded = await loadEngine(engineOptions(flags, context));
    return loaded.engine;
  };
  let selectors: readonly ExampleSelector[] = [];
  try {
    selectors = await namedSelectors(names, { seeds, dims, settings }, load);
    const comparison = await compareSelectors({ pool, queries, selectors, k, seeds, onProgress });
    const sample = part(queries, flags.throughputTexts, 'throughput');
    const features =
      loaded && (await featuresOf(loaded, { sets: featureSetsOf(names), settings, pool: textsOf(pool), sample: textsOf(sample), onProgress })); // prettier-ignore
    const found = compareReport(comparison, { pool, queries, k, baseline, featureSeconds: features?.seconds });
    const encoder = loaded?.encoder ?? null;
    // What is not there without features does not tell two runs apart.
    const protocol = { selectors: names, baseline, k, seeds: flags.seeds, dims: features ? dims : null };
    const spec = features?.spec ?? null;
    const report = {
      ...found,
      verdict: verdict(found),
      fingerprint: fingerprint({
        encoder: encoder && { ...encoder, id: undefined },
        spec: spec as unknown as Json,
        train: rowsFingerprint(pool),
        test: rowsFingerprint(queries),
        ...protocol,
      }),
      encoder,
      spec,
      ...protocol,
      data: countData(pool, queries),
    };
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    return { text: compareText(report), json: report, ...(error && { error }) };
  } finally {
    for (const selector of selectors) await selector.close?.();
    await loaded?.engine.close();
  }
}

/** What the features are made with (of seed 0), and what they cost. */
async function featuresOf(
  { engine }: LoadedEngine,
  options: Omit<QueryCostOptions, 'spec'> & { readonly settings: Omit<FeatureOptions, 'losses' | 'seed'> },
): Promise<{ readonly spec: FeatureSpec; readonly seconds: Map<string, number | null> }> {
  const { featureSpec } = await import('../../features/spec.js');
  const { featureSeconds } = await import('../../eval/compare/query-cost.js');
  const losses = [...new Set([...options.sets.values()].flatMap((set) => parseFeatureSet(set).losses))];
  const spec = featureSpec({ ...options.settings, losses: losses.map((name) => ({ name })), seed: 0 });
  return { spec, seconds: await featureSeconds(engine, { ...options, spec }) };
}

const textsOf = (rows: readonly { readonly input: string }[]): string[] => rows.map(({ input }) => input);
