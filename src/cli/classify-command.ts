/** The commands of `fungi eval` that judge feature sets by a classifier: they differ in the classifier and its options alone. */
import { Option, type Command } from 'commander';
import { fingerprint, type Json } from '../core/fingerprint.js';
import type { ExampleInput } from '../core/item.js';
import type { Classifier } from '../eval/classify/classify.js';
import { intervalScope, runRows, summarise, type ClassifyReport, type RunRow } from '../eval/classify/report.js';
import { countData } from '../eval/data/data-counts.js';
import { drawPools, type Pool } from '../eval/data/pools.js';
import { rowsFingerprint } from '../eval/data/rows-fingerprint.js';
import { parseFeatureSets } from '../eval/features/feature-sets.js';
import { classifyText, warnOfTruncated, type PoolSettings } from './classify-text.js';
import type { CommonOptions, Context, Report, Run } from './context.js';
import { addDataOptions, assertWritable, part, readTrainAndTest, saveReport, type DataFlags } from './eval-data.js';
import { addFeatureCacheOption, encoderIdentity, featureCache, type FeatureCacheFlags } from './feature-cache.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  engineOptions,
  featureSettings,
  shotList,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from './options.js';

export interface ClassifyFlags extends CommonOptions, EncoderFlags, FeatureFlags, DataFlags, FeatureCacheFlags {
  readonly features: readonly string[];
  readonly shots?: readonly (number | null)[];
  readonly sampling: PoolSettings['sampling'];
  readonly seeds: number;
  readonly throughputTexts: number;
}

export interface CheckedData {
  readonly train: readonly ExampleInput[];
  readonly test: readonly ExampleInput[];
  readonly pools: readonly Pool[];
}

/** What one of the commands does. */
export interface Protocol<Flags extends ClassifyFlags> {
  /** E.g. "knn". */
  readonly name: string;
  readonly description: string;
  /** What --help says of the method, and calls to try. */
  readonly notes: string;
  readonly examples: readonly string[];
  readonly addOptions: (command: Command) => Command;
  readonly classifier: (flags: Flags) => Promise<Classifier>;
  /** Of the classifier: part of the results, and of their fingerprint. */
  readonly settings: (flags: Flags) => Readonly<Record<string, Json>>;
  /** The same in words. */
  readonly said: (flags: Flags) => string;
  /** Refuses what the classifier cannot do, before anything is encoded. @throws {FungiError} */
  readonly check?: (data: CheckedData, flags: Flags) => void;
  readonly warn?: (results: readonly RunRow[], flags: Flags, context: Context) => void;
}

export function addClassifyCommand<Flags extends ClassifyFlags>(
  evaluation: Command,
  run: Run,
  protocol: Protocol<Flags>,
): void {
  const command = protocol
    .addOptions(
      addDataOptions(evaluation.command(protocol.name).description(protocol.description)).option(
        '--features <list>',
        'embedding; kl, simclr, kl+simclr (joined with the embedding); only:kl, … (gradients alone)',
        (value) => value.split(','),
        ['embedding', 'kl'],
      ),
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
    .option(
      '--throughput-texts <count>',
      'test texts to time each feature set on (see also `fungi eval throughput`); 0 times nothing',
      whole(0),
      0,
    );
  addCommonOptions(addFeatureCacheOption(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText('after', `\n${protocol.notes}\n\n${NOTES}\n\nExamples:\n${exampleLines(protocol)}`)
    .action((flags: Flags) => run(flags, (context) => evaluate(context, flags, protocol)));
}

const NOTES = `Duplicate rows are counted and kept; an id column is not read as one. The training rows need two labels at least. Features are kept in
the cache: the next evaluation of the same texts makes only what is missing.

Intervals hold 95 %. With one seed they cover the choice of test rows only (Wilson's; for gains a paired bootstrap); with several, that
of seeds too, each with its heads, landmarks and shots (bootstrap over test rows, t-distribution over seeds). So with --shots, ask for some
seeds: two that disagree make an interval wide.`;

const exampleLines = ({ name, examples }: Pick<Protocol<never>, 'name' | 'examples'>): string =>
  examples.map((options) => `  fungi eval ${name} ${options}`).join('\n');

async function evaluate<Flags extends ClassifyFlags>(
  context: Context,
  flags: Flags,
  protocol: Protocol<Flags>,
): Promise<Report> {
  const { features, shots = [null], sampling } = flags;
  const { onProgress } = context;
  const sets = parseFeatureSets(features);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const { train, test, split } = await readTrainAndTest(flags, context);
  const labels = train.map(({ label }) => label);
  const truth = test.map(({ label }) => label);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const pools = drawPools(labels, { shots, sampling, seeds });
  protocol.check?.({ train, test, pools }, flags);

  const { loadEngine } = await import('../selector/load-engine.js');
  const { classifyAll } = await import('../eval/classify/classify.js');
  const { measureThroughput } = await import('../eval/features/throughput.js');
  const { featureSpec } = await import('../features/spec.js');
  const loaded = await loadEngine(engineOptions(flags, context));
  const { engine, encoder } = loaded;
  try {
    const settings = featureSettings(flags);
    const { runs, truncated, frozen } = await classifyAll(engine, {
      ...{ train, test, features, settings, onProgress },
      classifier: await protocol.classifier(flags),
      pools,
      cache: featureCache(flags, loaded, context),
    });
    const items = part(test, flags.throughputTexts, 'throughput').map(({ input }) => input);
    const throughput =
      items.length === 0 ? {} : await measureThroughput(engine, { ...(await frozen()), features, items, onProgress });
    const losses = [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name }));
    const spec = featureSpec({ ...settings, losses, seed: 0 });
    const fewShot = shots.some((count) => count !== null);
    const method = {
      ...protocol.settings(flags),
      split: split && { ...split },
      seeds,
      shots,
      sampling: fewShot ? sampling : null,
    };
    const report = {
      results: runRows(runs, truth),
      throughput,
      fingerprint: fingerprint({
        protocol: protocol.name,
        encoder: encoderIdentity(loaded, flags),
        features: [...features],
        spec: spec as unknown as Json,
        train: rowsFingerprint(train),
        test: rowsFingerprint(test),
        ...method,
      }),
      summary: summarise(runs, truth),
      interval: intervalScope(flags.seeds),
      encoder,
      protocol: protocol.name,
      ...method,
      data: countData(train, test),
      truncated,
    } satisfies ClassifyReport & Record<string, unknown>;
    protocol.warn?.(report.results, flags, context);
    warnOfTruncated(truncated, report.data, context);
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    const text = classifyText(report, protocol.said(flags), { ...flags, shots });
    return { text, json: report, ...(error && { error }) };
  } finally {
    await engine.close();
  }
}
