/** `fungi eval knn`: do FUNGI features retrieve better than plain embeddings on this data? */
import { Option, type Command } from 'commander';
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFileWith } from '../../core/atomic-file.js';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { ExampleInput } from '../../core/item.js';
import { Rng } from '../../core/rng.js';
import { parseFeatureSet } from '../../eval/feature-sets.js';
import type { TieRule } from '../../retrieve/vote.js';
import { sampleShots, type ShotSampling } from '../../eval/few-shot.js';
import {
  countData,
  knnRows,
  summarise,
  TABLE_TITLES,
  tableRows,
  type DataCounts,
  type KnnReport,
  type KnnSummary,
} from '../../eval/knn-report.js';
import { assertLabels, readExamples } from '../../eval/read-examples.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import type { FeatureSpec } from '../../features/spec.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  addKeyOptions,
  engineOptions,
  featureSettings,
  whole,
  type EncoderFlags,
  type FeatureFlags,
  type KeyFlags,
} from '../options.js';
import { counted, table } from '../output.js';

interface KnnFlags extends CommonOptions, EncoderFlags, FeatureFlags, KeyFlags {
  readonly train: string;
  readonly test: string;
  readonly features: readonly string[];
  readonly k: number;
  readonly shots?: number;
  readonly sampling: ShotSampling;
  readonly ties: TieRule;
  readonly seeds: number;
  readonly limitTrain?: number;
  readonly limitTest?: number;
  readonly throughputTexts: number;
}

export function addEval(program: Command, run: Run): void {
  const command = program
    .command('eval')
    .description('measure on your own data')
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
    .option('-k, --k <count>', 'neighbours that vote', whole(1), 20)
    .addOption(
      new Option(
        '--ties <rule>',
        'who wins a tied vote: the first label by name (scikit-learn, the paper) or the nearest',
      )
        .choices(['name', 'nearest'])
        .default('name'),
    )
    .option('--shots <count>', 'training rows of each class, drawn anew for each seed (default: all rows)', whole(1))
    .addOption(
      new Option('--sampling <how>', 'shots: that many of each class, or as many in all by class frequency (the paper)')
        .choices(['per-class', 'proportional'])
        .default('per-class'),
    )
    .option('--seeds <count>', 'runs, with seeds 0, 1, …: heads, views, projections and shots', whole(1, 100), 1)
    .option('--limit-train <count>', 'a random part of the training rows, drawn with seed 0', whole(1))
    .option('--limit-test <count>', 'a random part of the test rows, drawn with seed 0', whole(1))
    .option('--throughput-texts <count>', 'test texts to time each feature set on; 0 times nothing', whole(0), 128);
  addCommonOptions(addKeyOptions(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
Every feature set gets the same PCA and length normalisation. Duplicate rows are counted and kept.

Examples:
  fungi eval knn --train train.jsonl --test test.jsonl
  fungi eval knn --train train.jsonl --test test.jsonl --features embedding,kl,kl+simclr,only:kl --seeds 3 --json results.json
  fungi eval knn --train train.csv --test test.csv --shots 5 --sampling proportional --seeds 5 --encoder bert-base`,
    )
    .action((flags: KnnFlags) => run(flags, (context) => evalKnn(context, flags)));
}

async function evalKnn(context: Context, flags: KnnFlags): Promise<Report> {
  const { features, k, dims, shots, sampling } = flags;
  const { onProgress } = context;
  features.forEach(parseFeatureSet);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const train = part(await read(flags.train, flags, context), flags.limitTrain, 'train');
  const test = part(await read(flags.test, flags, context), flags.limitTest, 'test');
  assertLabels(train, flags.train);
  const labels = train.map(({ label }) => label);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);

  const { loadEngine } = await import('../../selector/load-engine.js');
  const { evaluateKnn } = await import('../../eval/knn.js');
  const { measureThroughput } = await import('../../eval/throughput.js');
  const { engine, encoder } = await loadEngine(engineOptions(flags, context));
  try {
    const frozen: { spec: FeatureSpec; artefacts: FeatureArtefacts }[] = [];
    const results = await evaluateKnn(engine, {
      train,
      test,
      features,
      seeds,
      k,
      dims,
      ties: flags.ties,
      settings: featureSettings(flags),
      ...(shots !== undefined && { sample: (seed: number) => sampleShots(labels, { shots, sampling, seed }) }),
      onArtefacts: (spec, artefacts) => frozen.push({ spec, artefacts }),
      onProgress,
    });
    const { spec, artefacts } = frozen[0]!;
    const items = part(test, flags.throughputTexts, 'throughput').map(({ input }) => input);
    const throughput =
      items.length === 0 ? {} : await measureThroughput(engine, { spec, artefacts, features, items, onProgress });
    const protocol = {
      seeds,
      k,
      dims,
      ties: flags.ties,
      shots: shots ?? null,
      sampling: shots === undefined ? null : sampling,
    };
    const report = {
      results: knnRows(results, shots ?? null),
      throughput,
      fingerprint: fingerprint({
        encoder: { ...encoder, id: undefined },
        features: [...features],
        spec: spec as unknown as Json,
        train: digest(train),
        test: digest(test),
        ...protocol,
      }),
      summary: summarise(results),
      encoder,
      ...protocol,
      data: countData(train, test),
    } satisfies KnnReport & Record<string, unknown>;
    if (typeof flags.json === 'string') await replaceFileWith(flags.json, `${JSON.stringify(report, null, 2)}\n`);
    return { text: show(report, flags), json: report };
  } finally {
    await engine.close();
  }
}

interface ShownReport extends KnnReport {
  readonly encoder: { readonly id: string };
  readonly summary: readonly KnnSummary[];
  readonly data: DataCounts;
}

function show({ results, throughput, encoder, summary, data, ...rest }: ShownReport, flags: KnnFlags): string {
  const columns = TABLE_TITLES.map((title, i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) }));
  return [
    `${encoder.id}: k = ${flags.k}, ties by ${flags.ties}, PCA to at most ${flags.dims}, ${poolLine(results[0]!.pool, data, flags)}`,
    table(columns, tableRows(summary, throughput)),
    ...dataLines(data),
    `fingerprint: ${rest.fingerprint}`,
  ].join('\n');
}

async function read(path: string, keys: KeyFlags, { log }: Context): Promise<readonly ExampleInput[]> {
  const { examples, warnings } = await readExamples(path, keys);
  warnings.forEach((warning) => {
    log.warn(warning);
  });
  return examples;
}

/** `limit` rows at random, in file order; the same ones in every run. */
function part<T>(rows: readonly T[], limit: number | undefined, name: string): readonly T[] {
  if (limit === undefined || limit >= rows.length) return rows;
  const picks = Rng.stream(0, 'eval', 'limit', name).sample(rows.length, limit);
  return picks.sort((a, b) => a - b).map((row) => rows[row]!);
}

const digest = (rows: readonly ExampleInput[]): string =>
  fingerprint(rows.map(({ input, label }): Json => [input, label]));

function poolLine(pool: number, data: DataCounts, { shots, sampling, limitTrain, limitTest, seeds }: KnnFlags): string {
  const drawn = (limit: number | undefined): string => (limit === undefined ? '' : ' drawn with seed 0');
  const rows = `${data.train} training rows${drawn(limitTrain)}, ${data.test} test rows${drawn(limitTest)}`;
  const few = shots === undefined ? '' : `, ${counted(shots, 'shot')} ${sampling} (${pool} rows)`;
  return `${rows}${few}, ${data.labels} labels, ${counted(seeds, 'seed')}`;
}

function dataLines(data: DataCounts): string[] {
  const { repeatedTrain, repeatedTest, testInTrain, testInTrainNormalised, conflicts, unknownLabel } = data;
  return [
    `duplicates, all kept: ${repeatedTrain} training and ${repeatedTest} test rows repeat an earlier text; ` +
      `${testInTrain} test texts are in the training set (${testInTrainNormalised} but for case and spaces)`,
    ...(conflicts > 0 ? [`${counted(conflicts, 'training text')} with several labels`] : []),
    ...(unknownLabel > 0 ? [`${counted(unknownLabel, 'test row')} with a label that no training row has`] : []),
  ];
}

/** Asked before the hours of work, not after. */
async function assertWritable(file: string): Promise<void> {
  const folder = dirname(file);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new FungiError('STORAGE_FAILED', `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
