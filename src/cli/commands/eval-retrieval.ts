/** `fungi eval retrieval`: do FUNGI features rank examples of the query's label higher than plain embeddings do? */
import { Option, type Command } from 'commander';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import { countData } from '../../eval/data/data-counts.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import { parseFeatureSets } from '../../eval/features/feature-sets.js';
import type { RetrievalSummary } from '../../eval/retrieval/feature-retrieval.js';
import type { Metric } from '../../retrieve/exact-search.js';
import { dataLines } from '../classify-text.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addDataOptions, assertWritable, readTrainAndTest, saveReport, type DataFlags } from '../eval-data.js';
import { addFeatureCacheOption, encoderIdentity, featureCache, type FeatureCacheFlags } from '../feature-cache.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  engineOptions,
  featureSettings,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';
import { counted, percent, table } from '../output.js';

interface RetrievalFlags extends CommonOptions, EncoderFlags, FeatureFlags, DataFlags, FeatureCacheFlags {
  readonly features: readonly string[];
  readonly metric: Metric;
  readonly seeds: number;
}

export function addEvalRetrieval(evaluation: Command, run: Run): void {
  const command = addDataOptions(
    evaluation
      .command('retrieval')
      .description("mAP, recall and hits of whole rankings by feature set; relevant is what has the query's label"),
  )
    .option(
      '--features <list>',
      'embedding; kl, simclr, kl+simclr (joined with the embedding); only:kl, … (gradients alone)',
      (value) => value.split(','),
      ['embedding', 'kl'],
    )
    .addOption(
      new Option('--metric <name>', 'how nearness is measured after PCA').choices(['l2', 'cosine']).default('l2'),
    )
    .option('--seeds <count>', 'runs, with seeds 0, 1, …: heads, views and projections', whole(1, 100), 1);
  addCommonOptions(addFeatureCacheOption(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
Every query ranks the whole pool. mAP: mean over queries of average precision, and over their relevant examples of the precision down to
each; MRR: of one over the first relevant one's rank; recall@k: of the relevant ones the share among the k nearest; hit@k: whether one
is. Intervals hold 95 % (bootstrap over queries; where there are several seeds, a t-distribution over them).

Examples:
  fungi eval retrieval --train train.jsonl --test test.jsonl --features embedding,kl,only:kl --metric cosine
  fungi eval retrieval --train examples.jsonl --split 0.2 --seeds 3`,
    )
    .action((flags: RetrievalFlags) => run(flags, (context) => evalRetrieval(context, flags)));
}

async function evalRetrieval(context: Context, flags: RetrievalFlags): Promise<Report> {
  const { features, dims, metric } = flags;
  const { onProgress } = context;
  const sets = parseFeatureSets(features);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const { train, test, split } = await readTrainAndTest(flags, context);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const { loadEngine } = await import('../../selector/load-engine.js');
  const { retrieveAll, summariseRetrieval } = await import('../../eval/retrieval/feature-retrieval.js');
  const { featureSpec } = await import('../../features/spec.js');
  const loaded = await loadEngine(engineOptions(flags, context));
  const { engine, encoder } = loaded;
  try {
    const settings = featureSettings(flags);
    const runs = await retrieveAll(engine, {
      ...{ train, test, features, seeds, dims, metric, settings, onProgress },
      cache: featureCache(flags, loaded, context),
    });
    const summary = summariseRetrieval(runs);
    const losses = [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name }));
    const spec = featureSpec({ ...settings, losses, seed: 0 });
    const protocol = { protocol: 'retrieval', metric, dims, seeds, split: split && { ...split } };
    const report = {
      summary,
      queriesWithoutRelevant: runs[0]!.retrieval.withoutRelevant,
      fingerprint: fingerprint({
        encoder: encoderIdentity(loaded, flags),
        features: [...features],
        spec: spec as unknown as Json,
        train: rowsFingerprint(train),
        test: rowsFingerprint(test),
        ...protocol,
      }),
      encoder,
      ...protocol,
      data: countData(train, test),
    };
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    const text = [
      `${encoder.id}: ${metric}, PCA to at most ${dims}, ${train.length} pool rows, ${test.length} queries, ${counted(flags.seeds, 'seed')}`,
      summaryTable(summary),
      ...dataLines(report.data),
      `fingerprint: ${report.fingerprint}`,
    ].join('\n');
    return { text, json: report, ...(error && { error }) };
  } finally {
    await engine.close();
  }
}

function summaryTable(summary: readonly RetrievalSummary[]): string {
  const { depths } = summary[0]!;
  const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
  const titles = [
    ...['features', 'mAP %', '95 %', 'gain', '95 %', 'MRR'],
    ...depths.map((k) => `recall@${k}`),
    ...depths.map((k) => `hit@${k}`),
    'dims',
  ];
  const rows = summary.map((each) => [
    each.features,
    percent(each.meanAveragePrecision),
    `${percent(each.low)} to ${percent(each.high)}`,
    each.gain === undefined ? '' : signed(each.gain.difference),
    each.gain === undefined ? '' : `${signed(each.gain.low)} to ${signed(each.gain.high)}`,
    percent(each.meanReciprocalRank),
    ...each.recall.map(percent),
    ...each.hit.map(percent),
    String(each.dims),
  ]);
  return table(
    titles.map((title, i) => ({ title, align: i === 0 ? 'left' : 'right' })),
    rows,
  );
}
