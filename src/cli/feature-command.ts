/** The commands of `fungi eval` that measure feature sets: they differ in their data and in what they measure. */
import type { Command } from 'commander';
import type { FeatureCacheOptions } from '../eval/features/feature-cache.js';
import { assertNoAuto, parseFeatureSets, type FeatureSet } from '../eval/features/feature-sets.js';
import type { FeatureOptions, FeatureSpec } from '../features/spec.js';
import type { LoadedEngine } from '../selector/load-engine.js';
import type { CommonOptions, Context, Report, Run } from './context.js';
import { assertWritable, saveReport } from './eval-data.js';
import { addFeatureCacheOption, featureCache, type FeatureCacheFlags } from './feature-cache.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  engineOptions,
  featureSettings,
  type EncoderFlags,
  type FeatureFlags,
} from './options.js';

export interface FeatureSetFlags extends CommonOptions, EncoderFlags, FeatureFlags, FeatureCacheFlags {
  readonly features: readonly string[];
}

/** What is measured, and with what. */
export interface FeatureTask<Data> {
  readonly data: Data;
  readonly sets: readonly FeatureSet[];
  readonly loaded: LoadedEngine;
  /** Mode and projection. */
  readonly settings: Omit<FeatureOptions, 'losses' | 'seed'>;
  /** Settings and losses under a seed. */
  readonly specOf: (seed: number) => FeatureSpec;
  /** Undefined where the user wants none. */
  readonly cache: FeatureCacheOptions | undefined;
}

export interface FeatureCommand<Flags extends FeatureSetFlags, Data> {
  /** E.g. "knn". */
  readonly name: string;
  readonly description: string;
  /** What --help says of the method, and options of calls to try. */
  readonly notes: string;
  readonly examples: readonly string[];
  readonly addDataOptions: (command: Command) => Command;
  /** What --features takes, and its default. */
  readonly features?: { readonly what?: string; readonly preset: readonly string[] };
  /** Options of its own. */
  readonly addOptions: (command: Command) => Command;
  /** Whether features are reduced. @default true */
  readonly reduced?: boolean;
  /** Whether feature sets that choose for themselves are taken. @default false */
  readonly auto?: boolean;
  /** Whether features are kept. @default true */
  readonly cached?: boolean;
  /** Reads the data and refuses what cannot be measured, before a model is loaded. @throws {FungiError} */
  readonly read: (context: Context, flags: Flags) => Promise<Data>;
  readonly measure: (task: FeatureTask<Data>, flags: Flags, context: Context) => Promise<Measured>;
}

export interface Measured {
  readonly json: object;
  readonly text: string;
}

const FEATURES = 'embedding; kl, simclr, kl+simclr (joined with the embedding); only:kl, … (gradients alone)';
const AUTO = '; auto, auto:kl+simclr, … (what does best on the pool)';

export function addFeatureCommand<Flags extends FeatureSetFlags, Data>(
  evaluation: Command,
  run: Run,
  definition: FeatureCommand<Flags, Data>,
): void {
  const { name, description, notes, examples, features, auto = false, reduced = true, cached = true } = definition;
  const { what = auto ? `${FEATURES}${AUTO}` : FEATURES, preset = ['embedding', 'kl'] } = features ?? {};
  const command = definition.addDataOptions(evaluation.command(name).description(description));
  command.option('--features <list>', what, (value) => value.split(','), preset);
  addFeatureOptions(addEncoderOptions(definition.addOptions(command)), { dims: reduced });
  if (cached) addFeatureCacheOption(command);
  addCommonOptions(command, { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `\n${notes}\n\nExamples:\n${examples.map((call) => `  fungi eval ${name} ${call}`).join('\n')}`,
    )
    .action((flags: Flags) => run(flags, (context) => evaluate(context, flags, definition)));
}

async function evaluate<Flags extends FeatureSetFlags, Data>(
  context: Context,
  flags: Flags,
  { name, auto = false, read, measure, cached = true }: FeatureCommand<Flags, Data>,
): Promise<Report> {
  const sets = parseFeatureSets(flags.features);
  if (!auto) assertNoAuto(sets, `eval ${name}`);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const data = await read(context, flags);
  const { loadEngine } = await import('../selector/load-engine.js');
  const { featureSpec } = await import('../features/spec.js');
  const { lossesOf } = await import('../eval/features/pool-runs.js');
  // Processes that join halfway would make what is timed faster as it goes on.
  const timed = cached ? {} : { processes: flags.processes ?? 0 };
  const loaded = await loadEngine({ ...engineOptions(flags, context), ...timed });
  try {
    const settings = featureSettings(flags);
    const specOf = (seed: number): FeatureSpec =>
      featureSpec({ ...settings, losses: lossesOf(sets), seed }, loaded.engine.info.modality);
    const cache = cached ? featureCache(flags, loaded, context) : undefined;
    const { json, text } = await measure({ data, sets, loaded, settings, specOf, cache }, flags, context);
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, json) : undefined;
    return { text, json, ...(error && { error }) };
  } finally {
    await loaded.engine.close();
  }
}
