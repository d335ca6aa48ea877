/** Options that several commands share, and how their values are read. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { processorCount } from '../core/processors.js';
import { isPooling, POOLING_FORMS, type Pooling } from '../encoders/encoder.js';
import { MOST_PROCESSES, PRECISIONS, type Precision } from '../engine/import-options.js';
import { ENGINES, type EngineName } from '../engine/tails.js';
import { SHOT_SAMPLINGS, type ShotSampling } from '../eval/data/few-shot.js';
import { LOSS_NAMES, type LossName } from '../eval/features/feature-sets.js';
import type { FeatureOptions } from '../features/spec.js';
import { PROVIDERS, type Provider } from '../runtime/providers.js';
import { DEFAULT_DIMS, DEFAULT_ENCODER, DEFAULT_INDEXES } from '../selector/options.js';
import type { SourceOptions } from '../encoders/sources/options.js';
import type { Context } from './context.js';

const PROJECTIONS = ['nystrom', 'khatri-rao', 'dense'] as const;
const MODES = ['paper', 'reference'] as const;

export interface RuntimeFlags {
  readonly provider?: Provider;
  readonly threads?: number;
  readonly processes?: number;
  readonly engine?: EngineName;
}

export interface EncoderFlags extends RuntimeFlags {
  readonly encoder?: string;
  readonly file?: string;
  readonly precision?: Precision;
  readonly pooling?: Pooling;
  readonly target?: string;
  readonly output?: string;
}

export interface FeatureFlags {
  readonly projection?: (typeof PROJECTIONS)[number];
  readonly mode?: (typeof MODES)[number];
  readonly dims: number;
}

export interface KeyFlags {
  readonly inputKey?: string;
  readonly labelKey?: string;
}

export function addCommonOptions(command: Command, { json = true } = {}): Command {
  if (json) command.option('--json', 'print the result as JSON on stdout');
  return command
    .option('-q, --quiet', 'no progress and no warnings on stderr')
    .option('--debug', 'show details, and the stack of an error');
}

export const addIndexesOption = (command: Command): Command =>
  command.option('--indexes <dir>', `folder of all indexes (default: ${DEFAULT_INDEXES})`);

/** @param options.long whether it may encode much */
export function addRuntimeOptions(command: Command, { long = true } = {}): Command {
  command
    .addOption(new Option('--provider <name>', 'where the model runs (default: cpu)').choices([...PROVIDERS]))
    .option(
      '--threads <count>',
      "threads of the runtime; 0 takes every core, within a container's CPU quota (default: 0)",
      whole(0),
    );
  if (!long) return command;
  return command.option(
    '--processes <count>',
    `processes that share what takes more than seconds to encode, each with the encoder's weights once more; 0 for none (default: one a processor, ${USUAL_PROCESSES} at most; none with --threads, off the CPU and in eval throughput)`,
    whole(0, MOST_PROCESSES),
  );
}

/** Beyond so many each has threads of its own: weights take memory. */
const USUAL_PROCESSES = 4;

/** Where the encoder runs, and on how much of the machine. */
export function runtimeOptions(flags: RuntimeFlags, processors = processorCount()) {
  const { threads = 0, provider = 'cpu' } = flags;
  const { processes = threads === 0 && provider === 'cpu' ? processesOf(processors) : 0 } = flags;
  return { ...pick(flags, 'provider', 'threads', 'engine'), processes };
}

/** One process has nobody to share with. */
const processesOf = (processors: number): number => (processors === 1 ? 0 : Math.min(processors, USUAL_PROCESSES));

export const addEngineOption = (command: Command): Command =>
  command.addOption(
    new Option(
      '--engine <name>',
      'what computes the gradients; tfjs needs no derivative rules and is slow (default: onnx)',
    ).choices([...ENGINES]),
  );

/**
 * @param options.argument whether the encoder is the command's argument, and no option
 * @param options.pools whether pooling is the user's to choose
 */
export function addEncoderOptions(command: Command, { argument = false, pools = true } = {}): Command {
  if (!argument) {
    addEngineOption(command).option(
      '--encoder <id|dir>',
      `model: a folder, a hub id or a short name (default: ${DEFAULT_ENCODER})`,
    );
  }
  command
    .option('--file <name>', 'ONNX file in the folder of the model (default: its encoder_model.onnx or model.onnx)')
    .addOption(
      new Option(
        '--precision <kind>',
        'what the encoder computes in; int8 is about twice as fast on CPUs with VNNI, gradients stay float32 (default: model, as its file has it)',
      ).choices([...PRECISIONS]),
    );
  if (pools) {
    command.option(
      '--pooling <kind>',
      `how token states become one vector: ${POOLING_FORMS} (default: the model's own, else first)`,
      pooling,
    );
  }
  command
    .option('--target <name>', "layer whose gradient is taken (default: the last self-attention's output projection)")
    .option('--output <name>', "the model's tensor of token states (default: last_hidden_state or token_embeddings)");
  return addRuntimeOptions(command, { long: !argument });
}

/** @param options.dims whether features are reduced */
export const addFeatureOptions = (command: Command, { dims = true } = {}): Command =>
  (dims ? command.option('--dims <count>', 'width after reduction, at most', whole(1), DEFAULT_DIMS) : command)
    .addOption(
      new Option('--projection <kind>', 'how gradients are made short (default: nystrom)').choices(PROJECTIONS),
    )
    .addOption(
      new Option('--mode <mode>', 'the paper, or its released code where the two differ (default: paper)').choices(
        MODES,
      ),
    );

export const addKeyOptions = (command: Command): Command =>
  command
    .option('--input-key <key>', 'key or column of the text, image or sound (default: text, else image or audio)')
    .option('--label-key <key>', 'key or column of the label (default: label)');

export const addFilterOptions = (command: Command): Command =>
  command
    .option('-k, --k <count>', 'examples to retrieve', whole(1, 1000), 20)
    .option('--label <label>', 'only examples with this label; may be repeated', collect)
    .option(
      '--filter <json>',
      'only examples that match, e.g. {"metadata": {"year": {"gte": 2020}}}; columns of CSV and TSV files are strings: {"gte": "2020"}',
    );

/** A whole number in bounds. */
export function whole(low: number, high = Number.MAX_SAFE_INTEGER): (value: string) => number {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (number >= low && number <= high) return number;
    const bounds = high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`;
    throw new InvalidArgumentError(`It must be a whole number ${bounds}.`);
  };
}

/** Numbers of shots, "all" for every row: "5", or "1,2,5,all". */
export function shotList(value: string): readonly (number | null)[] {
  const shots = value.split(',').map((part) => (part === 'all' ? null : /^[1-9]\d*$/.test(part) ? Number(part) : NaN));
  if (shots.every((count) => count === null || Number.isSafeInteger(count)) && new Set(shots).size === shots.length) {
    return shots;
  }
  throw new InvalidArgumentError('It must be whole numbers from 1, or all, separated by commas, each once.');
}

/** What `--shots` means. */
export const samplingOption = (): Option =>
  new Option(
    '--sampling <how>',
    'shots: that many of each class, drawn anew for each seed; as many in all by class frequency, likewise; or the first of each class, in the order of the rows',
  )
    .choices(SHOT_SAMPLINGS)
    .default('per-class' satisfies ShotSampling);

/** What a few-shot pool knows beside its rows. */
export const unlabelledOption = (): Option =>
  new Option(
    '--unlabelled',
    'negatives and landmarks of a few-shot pool are drawn from all training rows, whose labels stay unknown (default: from its own rows)',
  ).default(false);

export const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

/** "kl,simclr", or "none". */
export function parseLosses(value: string): readonly LossName[] {
  if (value === 'none') return [];
  const names = value.split(',');
  const isLoss = (name: string): name is LossName => LOSS_NAMES.includes(name as LossName);
  if (names.every(isLoss) && new Set(names).size === names.length) return names;
  throw new InvalidArgumentError(`It must be none, or one or more of ${LOSS_NAMES.join(', ')}, separated by commas.`);
}

/** The members of `from` that are there, so that defaults apply to the others. */
export function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Pick<T, K> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Pick<T, K>;
}

/** What the library needs of the command line to load a model. */
export const engineOptions = (flags: EncoderFlags, context: Context) => ({
  ...pick(flags, 'encoder', 'file', 'precision', 'pooling', 'target', 'output'),
  ...runtimeOptions(flags),
  ...surroundings(context),
});

/** Model sources, log and progress. */
export const surroundings = (context: Context) => ({
  sources: sourcesOf(context),
  log: context.log,
  onProgress: context.onProgress,
});

export function sourcesOf({ config, log, onProgress }: Context): SourceOptions {
  const { cacheDir, hubCacheDir, hubEndpoint, hubToken, offline, python } = config;
  return { cacheDir, hubCacheDir, hubEndpoint, hubToken, offline, python, log, onProgress };
}

/** Feature settings, less losses and seed. */
export const featureSettings = ({ mode, projection }: FeatureFlags): Omit<FeatureOptions, 'losses' | 'seed'> => ({
  ...(mode !== undefined && { mode }),
  ...(projection !== undefined && { projection: { kind: projection } }),
});

function pooling(value: string): Pooling {
  if (isPooling(value)) return value;
  throw new InvalidArgumentError(`It must be ${POOLING_FORMS}.`);
}
