/** The commands of `fungi eval` that measure feature sets on pools of training rows: they differ in the protocol alone. */
import type { Command } from 'commander';
import { fingerprint, type Json } from '../core/fingerprint.js';
import type { ExampleInput } from '../core/item.js';
import { intervalScope } from '../eval/classify/report.js';
import { countData, type DataCounts } from '../eval/data/data-counts.js';
import { drawPools } from '../eval/data/pools.js';
import { rowsFingerprint } from '../eval/data/rows-fingerprint.js';
import type { FeatureRows } from '../eval/features/feature-rows.js';
import type { PoolTask } from '../eval/features/pool-runs.js';
import type { LoadedEngine } from '../selector/load-engine.js';
import { warnOfTruncated, type PoolSettings } from './classify-text.js';
import type { Context, Run } from './context.js';
import { addDataOptions, part, readTrainAndTest, type DataFlags, type TrainAndTest } from './eval-data.js';
import {
  addFeatureCommand,
  type FeatureCommand,
  type FeatureSetFlags,
  type FeatureTask,
  type Measured,
} from './feature-command.js';
import { encoderIdentity } from './feature-cache.js';
import { assertReads } from './media-items.js';
import { samplingOption, shotList, unlabelledOption, whole } from './options.js';

export interface PoolFlags extends FeatureSetFlags, DataFlags {
  readonly shots?: readonly (number | null)[];
  readonly sampling: PoolSettings['sampling'];
  readonly unlabelled: boolean;
  readonly seeds: number;
  readonly throughputTexts: number;
}

export type PoolData = Pick<PoolTask, 'pools'> & Record<'train' | 'test', readonly ExampleInput[]>;

/** What the reports of all protocols have. */
export interface PoolReport {
  /** Items a second by feature set, from text to features; empty when it was not measured. */
  readonly throughput: Readonly<Record<string, number>>;
  /** Of model, data and settings: equal fingerprints mean equal results. */
  readonly fingerprint: string;
  readonly encoder: LoadedEngine['encoder'];
  readonly data: DataCounts;
}

/** What a protocol found. */
export interface Found {
  /** Its part of the report. */
  readonly report: { readonly results: readonly object[]; readonly summary: readonly object[] };
  readonly text: (common: PoolReport) => string;
}

/** What one of the commands does. */
export interface Protocol<Flags extends PoolFlags> extends Pick<
  FeatureCommand<Flags, PoolData>,
  'name' | 'description' | 'notes' | 'examples' | 'addOptions' | 'auto'
> {
  /** Part of the report, and of its fingerprint. */
  readonly settings: (flags: Flags) => Readonly<Record<string, Json>>;
  /** Refuses what the protocol cannot do, before anything is encoded. @throws {FungiError} */
  readonly check?: (data: PoolData, flags: Flags) => void;
  /** Every feature set on every pool. */
  readonly measure: (task: PoolTask & { readonly rows: FeatureRows }, flags: Flags, context: Context) => Promise<Found>;
}

export function addPoolCommand<Flags extends PoolFlags>(
  evaluation: Command,
  run: Run,
  protocol: Protocol<Flags>,
): void {
  addFeatureCommand<Flags, PoolData & TrainAndTest>(evaluation, run, {
    ...protocol,
    ...{ addDataOptions, notes: `${protocol.notes}\n\n${NOTES}` },
    addOptions: (command) => addPoolOptions(protocol.addOptions(command)),
    async read(context, flags) {
      const read = await readTrainAndTest(flags, context);
      const { seeds } = flags;
      const pools = drawPools(read.train.map(({ label }) => label), { ...poolsOf(flags), seeds: seedsOf(seeds) }); // prettier-ignore
      protocol.check?.({ ...read, pools }, flags);
      return { ...read, pools };
    },
    measure: (task, flags, context) => measurePools(task, flags, context, protocol),
  });
}

const addPoolOptions = (command: Command): Command =>
  command
    .option(
      '--shots <list>',
      'training rows of each class, drawn as --sampling says; several give a curve: 1,2,5,all (default: all rows)',
      shotList,
    )
    .addOption(samplingOption())
    .addOption(unlabelledOption())
    .option('--seeds <count>', 'runs, with seeds 0, 1, …: heads, views, projections and shots', whole(1, 100), 1)
    .option(
      '--throughput-texts <count>',
      'test texts to time each feature set on (see also `fungi eval throughput`); 0 times nothing',
      whole(0),
      0,
    );

const NOTES = `Duplicate rows are counted and kept; an id column is not read as one. The training rows need two labels at least. Features are kept in
the cache: the next evaluation of the same texts makes only what is missing.

Intervals hold 95 %. With one seed they cover the choice of test rows only; with several, that of seeds too, each with its heads, landmarks
and shots (bootstrap over test rows, t-distribution over seeds). Gains are paired by test row. So with --shots, ask for some seeds: two that
disagree make an interval wide.`;

const seedsOf = (count: number): number[] => Array.from({ length: count }, (_, seed) => seed);
const poolsOf = ({ shots = [null], sampling, unlabelled }: PoolFlags) => ({ shots, sampling, unlabelled });

async function measurePools<Flags extends PoolFlags>(
  { data: { train, test, split, pools }, sets, loaded, settings, specOf, cache }: FeatureTask<PoolData & TrainAndTest>,
  flags: Flags,
  context: Context,
  protocol: Protocol<Flags>,
): Promise<Measured> {
  const { features } = flags;
  const { onProgress } = context;
  assertReads({ id: loaded.encoder.id, modality: loaded.engine.info.modality }, train, flags.train);
  const { withPoolRows } = await import('../eval/features/pool-runs.js');
  const { measureThroughput } = await import('../eval/features/throughput.js');
  const { engine, encoder } = loaded;
  const task = { train, test, sets, pools, onProgress };
  return withPoolRows(engine, { ...task, settings, cache }, async (rows) => {
    const found = await protocol.measure({ ...task, rows }, flags, context);
    const items = part(test, flags.throughputTexts, 'throughput').map(({ input }) => input);
    const throughput =
      items.length === 0
        ? {}
        : await measureThroughput(engine, { ...(await rows.frozen(0)), features, items, onProgress });
    const { shots, sampling, unlabelled } = poolsOf(flags);
    const few = shots.some((count) => count !== null);
    const method = {
      ...protocol.settings(flags),
      ...{ split: split && { ...split }, seeds: seedsOf(flags.seeds), shots },
      sampling: few ? sampling : null,
      ...(few && unlabelled && { unlabelled }),
    };
    const common = {
      throughput,
      fingerprint: fingerprint({
        protocol: protocol.name,
        encoder: encoderIdentity(loaded, flags),
        features: [...features],
        spec: specOf(0) as unknown as Json,
        train: rowsFingerprint(train),
        test: rowsFingerprint(test),
        ...method,
      }),
      encoder,
      data: countData(train, test),
    };
    const { truncated } = rows;
    warnOfTruncated(truncated, common.data, context);
    const rest = { interval: intervalScope(flags.seeds), protocol: protocol.name, ...method, truncated };
    return { json: { ...found.report, ...common, ...rest }, text: found.text(common) };
  });
}
