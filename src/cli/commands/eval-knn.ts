/** `fungi eval knn`: do FUNGI features retrieve better than plain embeddings on this data? */
import { Option, type Command } from 'commander';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import { parseFeatureSets } from '../../eval/features/feature-sets.js';
import { drawPools } from '../../eval/data/pools.js';
import { countData } from '../../eval/data/data-counts.js';
import { intervalScope, knnRows, summarise, type KnnReport } from '../../eval/knn/knn-report.js';
import { assertLabels } from '../../eval/data/read-examples.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, readRows, saveReport } from '../eval-data.js';
import { addFeatureCacheOption, featureCache, type FeatureCacheFlags } from '../feature-cache.js';
import { knnText, warnOfKnn, type KnnSettings } from '../knn-text.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  addKeyOptions,
  engineOptions,
  featureSettings,
  shotList,
  whole,
  type EncoderFlags,
  type FeatureFlags,
  type KeyFlags,
} from '../options.js';

interface KnnFlags extends CommonOptions, EncoderFlags, FeatureFlags, KeyFlags, FeatureCacheFlags, KnnSettings {
  readonly train: string;
  readonly test: string;
  readonly features: readonly string[];
  readonly throughputTexts: number;
}

export function addEvalKnn(evaluation: Command, run: Run): void {
  const command = evaluation
    .command('knn')
    .description('accuracy of k-nearest-neighbour classification by feature set, all over one encoding pass')
    .requiredOption('--train <file>', 'examples to retrieve from: .jsonl, .csv or .tsv')
    .requiredOption('--test <file>', 'examples to classify')
    .option(
      '--features <list>',
      'embedding; kl, simclr, kl+simclr (joined with the embedding); only:kl, … (gradients alone)',
      (value) => value.split(','),
      ['embedding', 'kl'],
    )
    .option('-k, --k <count>', 'neighbours that vote; all rows, where there are fewer', whole(1), 20)
    .addOption(
      new Option(
        '--ties <rule>',
        'who wins a tied vote: the first label by name (as scikit-learn has it for strings) or the nearest',
      )
        .choices(['name', 'nearest'])
        .default('name'),
    )
    .option(
      '--shots <list>',
      'training rows of each class, drawn anew for each seed; several give a curve: 1,2,5,all (default: all rows)',
      shotList,
    )
    .addOption(
      new Option('--sampling <how>', 'shots: that many of each class, or as many in all by class frequency (the paper)')
        .choices(['per-class', 'proportional'])
        .default('per-class'),
    )
    .option('--seeds <count>', 'runs, with seeds 0, 1, …: heads, views, projections and shots', whole(1, 100), 1)
    .option('--limit-train <count>', 'a random part of the training rows, drawn with seed 0', whole(1))
    .option('--limit-test <count>', 'a random part of the test rows, drawn with seed 0', whole(1))
    .option('--throughput-texts <count>', 'test texts to time each feature set on; 0 times nothing', whole(0), 128);
  addCommonOptions(addFeatureCacheOption(addKeyOptions(addFeatureOptions(addEncoderOptions(command)))), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
Every feature set gets the same PCA and length normalisation. Duplicate rows are counted and kept; an id column is not read as one.
The training rows need two labels at least.

Intervals hold 95 %. With one seed they cover the choice of test rows only (Wilson's; for gains a paired bootstrap); with several, that
of seeds too, each with its heads, landmarks and shots (bootstrap over seeds and test rows). So with --shots, ask for some seeds.

Examples:
  fungi eval knn --train train.jsonl --test test.jsonl
  fungi eval knn --train train.jsonl --test test.jsonl --features embedding,kl,kl+simclr,only:kl --seeds 3 --json results.json
  fungi eval knn --train train.csv --test test.csv --shots 5 --sampling proportional --seeds 5 --encoder bert-base
  fungi eval knn --train train.jsonl --test test.jsonl --shots 1,2,4,8,16,all --seeds 3`,
    )
    .action((flags: KnnFlags) => run(flags, (context) => evalKnn(context, flags)));
}

async function evalKnn(context: Context, flags: KnnFlags): Promise<Report> {
  const { features, k, dims, shots = [null], sampling } = flags;
  const { onProgress } = context;
  parseFeatureSets(features);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const train = part(await readRows(flags.train, flags, context), flags.limitTrain, 'train');
  const test = part(await readRows(flags.test, flags, context), flags.limitTest, 'test');
  assertLabels(train, flags.train);
  const labels = train.map(({ label }) => label);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);

  const { loadEngine } = await import('../../selector/load-engine.js');
  const { evaluateKnn } = await import('../../eval/knn/knn.js');
  const { measureThroughput } = await import('../../eval/features/throughput.js');
  const { featureSpec } = await import('../../features/spec.js');
  const loaded = await loadEngine(engineOptions(flags, context));
  const { engine, encoder } = loaded;
  try {
    const settings = featureSettings(flags);
    const { results, truncated, frozen } = await evaluateKnn(engine, {
      ...{ train, test, features, k, dims, ties: flags.ties, settings, onProgress },
      pools: drawPools(labels, { shots, sampling, seeds }),
      cache: featureCache(flags, loaded, context),
    });
    const items = part(test, flags.throughputTexts, 'throughput').map(({ input }) => input);
    const throughput =
      items.length === 0 ? {} : await measureThroughput(engine, { ...(await frozen()), features, items, onProgress });
    const losses = [...new Set(parseFeatureSets(features).flatMap((set) => set.losses))].map((name) => ({ name }));
    const spec = featureSpec({ ...settings, losses, seed: 0 });
    const fewShot = shots.some((count) => count !== null);
    const protocol = { seeds, k, dims, ties: flags.ties, shots, sampling: fewShot ? sampling : null };
    const report = {
      results: knnRows(results),
      throughput,
      fingerprint: fingerprint({
        encoder: { ...encoder, id: undefined, file: undefined },
        features: [...features],
        spec: spec as unknown as Json,
        train: rowsFingerprint(train),
        test: rowsFingerprint(test),
        ...protocol,
      }),
      summary: summarise(results),
      interval: intervalScope(flags.seeds),
      encoder,
      ...protocol,
      data: countData(train, test),
      truncated,
    } satisfies KnnReport & Record<string, unknown>;
    warnOfKnn(report, k, context);
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    return { text: knnText(report, flags), json: report, ...(error && { error }) };
  } finally {
    await engine.close();
  }
}
