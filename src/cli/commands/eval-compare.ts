/** `fungi eval compare`: which selector of examples is best on this data, and is it more than luck? */
import { Option, type Command } from 'commander';
import { basename, join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { ExampleInput } from '../../core/item.js';
import type { CompareReport } from '../../eval/compare/compare-report.js';
import type { QueryCostOptions } from '../../eval/compare/query-cost.js';
import { countData } from '../../eval/data/data-counts.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import { drawPools } from '../../eval/data/pools.js';
import type { ReportInput, ReportSettings } from '../../eval/report/model.js';
import { withComparison, type CompareRun, type CompareRunOptions } from '../compare-run.js';
import { compareText } from '../compare-text.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addFeatureCacheOption, type FeatureCacheFlags } from '../feature-cache.js';
import type { PoolSettings } from '../classify-text.js';
import { addDataOptions, assertWritable, part, readTrainAndTest, saveReport, type DataFlags } from '../eval-data.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  collect,
  shotList,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';

interface CompareFlags extends CommonOptions, EncoderFlags, FeatureFlags, FeatureCacheFlags, DataFlags {
  readonly selectors: readonly string[];
  readonly selector?: readonly string[];
  readonly baseline?: string;
  readonly k: number;
  readonly seeds: number;
  readonly throughputTexts: number;
  readonly shots?: readonly (number | null)[];
  readonly sampling: PoolSettings['sampling'];
  readonly report?: string;
}

export function addEvalCompare(evaluation: Command, run: Run): void {
  const command = addDataOptions(
    evaluation.command('compare').description('selectors of examples on the same pool and queries, with a verdict'),
  )
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
    .option(
      '--shots <list>',
      'pools of so many examples of each label as well, drawn anew for each seed, e.g. 1,2,5: how accuracy grows with the pool',
      shotList,
    )
    .addOption(
      new Option('--sampling <how>', 'shots: that many of each label, or as many in all by label frequency (the paper)')
        .choices(['per-class', 'proportional'])
        .default('per-class'),
    )
    .option('--throughput-texts <count>', 'queries to time each feature set on; 0 times nothing', whole(0), 128);
  addCommonOptions(addFeatureCacheOption(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--report <dir>', 'write report.html (one page, no network), report.md and report.json into the folder')
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
  fungi eval compare --train train.jsonl --test test.jsonl --shots 1,2,4,8 --seeds 3 --report report
  fungi eval compare --train train.jsonl --test test.jsonl --selector 'mine=python3 my_selector.py'`,
    )
    .action((flags: CompareFlags) => run(flags, (context) => evalCompare(context, flags)));
}

async function evalCompare(context: Context, flags: CompareFlags): Promise<Report> {
  const { k, dims, sampling } = flags;
  const { onProgress } = context;
  const names = [...flags.selectors, ...(flags.selector ?? [])];
  const { featureSetsOf, namedSelectors, selectorTitles } = await import('../../eval/compare/named-selectors.js');
  const { baselineOf, compareReport, verdict } = await import('../../eval/compare/compare-report.js');
  const { curvePoints } = await import('../../eval/compare/curve.js');
  const titles = selectorTitles(names);
  const baseline = baselineOf(titles, flags.baseline);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  if (flags.report !== undefined) await assertWritable(join(flags.report, 'report.html'));
  const { train: pool, test: queries, split } = await readTrainAndTest(flags, context);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const few = (flags.shots ?? []).filter((count) => count !== null);
  const labels = pool.map(({ label }) => label);
  const pools = drawPools(labels, { shots: [null, ...few], sampling, seeds });
  const sets = featureSetsOf(names);
  const makeSelectors: CompareRunOptions['makeSelectors'] = (...options) => namedSelectors(names, ...options);

  return withComparison(context, flags, { pool, queries, pools, sets, makeSelectors }, async (run) => {
    const { comparison, features } = run;
    const sample = part(queries, flags.throughputTexts, 'throughput');
    const seconds = features && (await secondsOf(features, { sets, pool, sample, onProgress }));
    const found = compareReport(comparison, { pool, queries, k, baseline, featureSeconds: seconds ?? undefined });
    const encoder = features?.loaded.encoder ?? null;
    const spec = features?.spec ?? null;
    // What is not there without features does not tell two runs apart.
    const protocol = {
      split: split && { ...split },
      ...{ selectors: names, baseline, k, seeds: flags.seeds, dims: features ? dims : null },
      ...{ shots: few, sampling: few.length > 0 ? sampling : null },
    };
    const report = {
      ...found,
      verdict: verdict(found),
      curve: curvePoints(comparison, { pool, queries }),
      fingerprint: fingerprint({
        encoder: encoder && { ...encoder, id: undefined, file: undefined },
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
    let error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    let summary: string | undefined;
    if (flags.report !== undefined) {
      const written = await writePage(flags.report, { ...run, found, report, titles, pool, queries, flags });
      if (FungiError.is(written)) error ??= written;
      else summary = `report: ${written}`;
    }
    return { text: compareText(report), json: report, ...(error && { error }), ...(summary && { summary }) };
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

interface PageInput extends CompareRun, Pick<ReportInput, 'pool' | 'queries'> {
  readonly found: CompareReport;
  readonly report: Omit<ReportSettings, 'data'> & Pick<ReportInput, 'curve' | 'data'>;
  readonly titles: readonly string[];
  readonly flags: CompareFlags;
}

/** The page's path, or why it could not be written: the table is shown all the same. */
async function writePage(
  folder: string,
  { comparison, selectors, found, report, titles, pool, queries, flags }: PageInput,
): Promise<string | FungiError> {
  const { reportModel } = await import('../../eval/report/model.js');
  const { adviceOf } = await import('../../eval/report/facts/advice.js');
  const { writeReport } = await import('../../eval/report/write-report.js');
  const { focus } = adviceOf(found);
  // The map is by what the report is about, where that is features, else by any features there are.
  const byFeatures = titles.filter((_, i) => selectors[i]!.reduced !== undefined);
  const selector = [focus, found.baseline].find((name) => name !== null && byFeatures.includes(name)) ?? byFeatures[0];
  const mapped = selectors[titles.indexOf(selector ?? '')];
  const task = { pool, queries: textsOf(queries), k: flags.k, seed: 0, shots: null };
  const reduced = await mapped?.reduced?.(task);
  const model = reportModel({
    ...{ comparison, report: found, pool, queries, curve: report.curve, data: report.data },
    map: reduced && { selector: mapped!.name, ...reduced },
    settings: { ...report, data: basename(flags.train), date: new Date().toISOString().slice(0, 10) },
  });
  try {
    const paths = await writeReport(folder, model);
    return paths.find((path) => path.endsWith('.html'))!;
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
}

const textsOf = (rows: readonly { readonly input: string }[]): string[] => rows.map(({ input }) => input);
