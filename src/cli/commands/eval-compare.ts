/** `fungi eval compare`: which selector of examples is best on this data, and is it more than luck? */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { ExampleInput, Modality } from '../../core/item.js';
import type { QueryCostOptions } from '../../eval/compare/query-cost.js';
import { countData } from '../../eval/data/data-counts.js';
import { modalityOfAll } from '../../eval/data/media.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import { smallPoolWarning } from '../../eval/data/check-data.js';
import { drawPools } from '../../eval/data/pools.js';
import { withComparison, type CompareRun, type CompareRunOptions } from '../compare-run.js';
import { compareText } from '../compare-text.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addFeatureCacheOption, encoderIdentity, type FeatureCacheFlags } from '../feature-cache.js';
import type { PoolSettings } from '../classify-text.js';
import { addDataOptions, assertWritable, part, readTrainAndTest, saveReport, type DataFlags } from '../eval-data.js';
import { addReportOption, assertReportWritable, mapsOf, writePage, type ReportFlags } from '../report-page.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  collect,
  samplingOption,
  unlabelledOption,
  shotList,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';

interface CompareFlags extends CommonOptions, EncoderFlags, FeatureFlags, FeatureCacheFlags, DataFlags, ReportFlags {
  readonly selectors?: readonly string[];
  readonly selector?: readonly string[];
  readonly baseline?: string;
  readonly k: number;
  readonly seeds: number;
  readonly throughputTexts: number;
  readonly shots?: readonly (number | null)[];
  readonly sampling: PoolSettings['sampling'];
  readonly unlabelled: boolean;
}

const DEFAULT_SELECTORS = ['random', 'fixed', 'bm25', 'embedding', 'kl'];

export function addEvalCompare(evaluation: Command, run: Run): void {
  const command = addDataOptions(
    evaluation.command('compare').description('selectors of examples on the same pool and queries, with a verdict'),
  )
    .option(
      '--selectors <list>',
      'random, fixed, bm25 (of texts); feature sets as for `eval knn` (embedding, kl, …); mmr: before one (mmr:embedding) (default: random,fixed,bm25,embedding,kl, bm25 of texts only)',
      (value) => value.split(','),
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
    .option(
      '--shots <list>',
      'pools of so many examples of each label as well, drawn as --sampling says, e.g. 1,2,5: how accuracy grows with the pool',
      shotList,
    )
    .addOption(samplingOption())
    .addOption(unlabelledOption())
    .option('--throughput-texts <count>', 'queries to time each feature set on; 0 times nothing', whole(0), 128);
  addFeatureCacheOption(addFeatureOptions(addEncoderOptions(command)));
  addReportOption(addCommonOptions(command, { json: false }))
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
Accuracy is that of the vote of the chosen examples, ties to the label of the better example (\`eval knn\` has them by name, unless --ties says otherwise): what
a prompt would show, without an LLM.
Duplicate rows are counted and kept. The pool needs two labels at least. A model is loaded only for feature sets. A selector that no seed
changes is run once for all seeds. Under --json there is, for each query, what every selector chose under every seed.

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
  fungi eval compare --train train.jsonl --test test.jsonl --shots 1,2,4,8 --seeds 3 --report report
  fungi eval compare --train train.jsonl --test test.jsonl --selector 'mine=python3 my_selector.py'`,
    )
    .action((flags: CompareFlags) => run(flags, (context) => evalCompare(context, flags)));
}

async function evalCompare(context: Context, flags: CompareFlags): Promise<Report> {
  const { k, dims, sampling, unlabelled } = flags;
  const { onProgress } = context;
  const { assertSelectorsRead, featureSetsOf, namedSelectors, selectorTitles } =
    await import('../../eval/compare/named-selectors.js');
  const { baselineOf, compareReport, verdict } = await import('../../eval/compare/compare-report.js');
  const { poolRows, queryChoices } = await import('../../eval/compare/query-choices.js');
  const { curvePoints } = await import('../../eval/compare/curve.js');
  const namesFor = (modality: Modality): string[] => [
    ...(flags.selectors ?? DEFAULT_SELECTORS.filter((name) => modality === 'text' || name !== 'bm25')),
    ...(flags.selector ?? []),
  ];
  // What is wrong with the names is told before the data are read.
  baselineOf(selectorTitles(namesFor('text')), flags.baseline);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  await assertReportWritable(flags);
  const { train: pool, test: queries, split } = await readTrainAndTest(flags, context);
  const modality = modalityOfAll([...pool, ...queries].map(({ input }) => input));
  const names = namesFor(modality);
  assertSelectorsRead(names, modality);
  const baseline = baselineOf(selectorTitles(names), flags.baseline);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const few = (flags.shots ?? []).filter((count) => count !== null);
  const labels = pool.map(({ label }) => label);
  const pools = drawPools(labels, { shots: [null, ...few], sampling, unlabelled, seeds });
  const small = smallPoolWarning(Math.min(...pools.map(({ rows }) => rows.length)), k);
  if (small !== undefined) context.log.warn(small);
  const sets = featureSetsOf(names);
  const makeSelectors: CompareRunOptions['makeSelectors'] = (...options) => namedSelectors(names, ...options);

  return withComparison(context, flags, { pool, queries, pools, sets, makeSelectors }, async (run) => {
    const { comparison, selectors, truncated, features } = run;
    const sample = part(queries, flags.throughputTexts, 'throughput');
    const seconds = features && (await secondsOf(features, { sets, pool, sample, onProgress }));
    const found = compareReport(comparison, { pool, queries, k, baseline, featureSeconds: seconds ?? undefined });
    const encoder = features?.loaded.encoder ?? null;
    const spec = features?.spec ?? null;
    // What is not there without features does not tell two runs apart.
    const protocol = {
      split: split && { ...split },
      ...{ selectors: names, baseline, k, seeds: flags.seeds, dims: features ? dims : null },
      ...{
        shots: few,
        sampling: few.length > 0 ? sampling : null,
        ...(few.length > 0 && unlabelled && { unlabelled }),
      },
    };
    const report = {
      ...found,
      verdict: verdict(found),
      curve: curvePoints(comparison, { pool, queries }),
      fingerprint: fingerprint({
        encoder: features && encoderIdentity(features.loaded, flags),
        spec: spec as unknown as Json,
        train: rowsFingerprint(pool),
        test: rowsFingerprint(queries),
        ...protocol,
      }),
      encoder,
      spec,
      ...protocol,
      ...{ data: countData(pool, queries), truncated },
    };
    const json = { ...report, poolRows: poolRows(pool), answers: queryChoices(comparison, queries) };
    let error = typeof flags.json === 'string' ? await saveReport(flags.json, json) : undefined;
    let summary: string | undefined;
    if (flags.report !== undefined) {
      const maps = await mapsOf(selectors, { pool, queries: textsOf(queries), k, seed: 0, shots: null });
      const page = { comparison, pool, queries, report: found, curve: report.curve, data: report.data, truncated };
      const written = await writePage(flags.report, { ...page, settings: report, flags, maps }, context);
      if (FungiError.is(written)) error ??= written;
      else summary = `report: ${written}`;
    }
    return { text: compareText(report), json, ...(error && { error }), ...(summary && { summary }) };
  });
}

/** What the features of a query cost each selector. */
async function secondsOf(
  { loaded, spec }: NonNullable<CompareRun['features']>,
  {
    pool,
    sample,
    ...options
  }: Pick<QueryCostOptions, 'sets'> & Pick<Context, 'onProgress'> & Record<'pool' | 'sample', readonly ExampleInput[]>,
): Promise<Map<string, number | null>> {
  const { featureSeconds } = await import('../../eval/compare/query-cost.js');
  return featureSeconds(loaded.engine, { ...options, spec, pool: textsOf(pool), sample: textsOf(sample) });
}

const textsOf = (rows: readonly { readonly input: string }[]): string[] => rows.map(({ input }) => input);
