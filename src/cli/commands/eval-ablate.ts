/** `fungi eval ablate`: which settings of the features matter on this data? */
import { Option, type Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { LayerEngine } from '../../eval/ablate/ablate.js';
import type { Factor, Values } from '../../eval/ablate/factors.js';
import { FACTORS, parseFactors, parseValues } from '../../eval/ablate/factors.js';
import type { AblationBase } from '../../eval/ablate/level-settings.js';
import { preset, type Preset } from '../../eval/ablate/presets.js';
import { smallPoolWarning } from '../../eval/data/check-data.js';
import { countData } from '../../eval/data/data-counts.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import { LOSS_NAMES, parseFeatureSets, type LossName } from '../../eval/features/feature-sets.js';
import type { TieRule } from '../../retrieve/vote.js';
import type { LoadedEngine } from '../../selector/load-engine.js';
import { ablateText } from '../ablate-text.js';
import { warnOfTruncated } from '../classify-text.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addDataOptions, assertWritable, part, readTrainAndTest, saveReport, type DataFlags } from '../eval-data.js';
import { addFeatureCacheOption, featureCache, type FeatureCacheFlags } from '../feature-cache.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  collect,
  engineOptions,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';

interface AblateFlags extends CommonOptions, EncoderFlags, FeatureFlags, FeatureCacheFlags, DataFlags {
  readonly vary?: readonly string[];
  readonly with?: readonly string[];
  readonly cross?: boolean;
  readonly table?: string;
  readonly figure?: string;
  readonly loss?: LossName;
  readonly features?: readonly string[];
  readonly k: number;
  readonly ties: TieRule;
  readonly seeds: number;
  readonly throughputTexts?: number;
  readonly markdown?: boolean;
}

export function addEvalAblate(evaluation: Command, run: Run): void {
  const command = addDataOptions(
    evaluation
      .command('ablate')
      .description('which settings of the features matter: kNN accuracy at each level of a factor'),
  )
    .option('--vary <factor=levels>', 'a factor and its levels, e.g. head=linear,none; may be repeated', collect)
    .option(
      '--with <factor=level>',
      'a level that all others are tried with, e.g. reducer=none; may be repeated',
      collect,
    )
    .option('--cross', 'every combination of the factors instead of one factor at a time')
    .option('--table <number>', 'what a table of the paper varies: 6, 19, 20 or 21')
    .option('--figure <number>', 'what a figure of the paper varies: 8 or 12')
    .addOption(new Option('--loss <name>', 'whose gradient is varied (default: kl)').choices(LOSS_NAMES))
    .option(
      '--features <list>',
      'sets to judge by (default: the gradient alone and with the embedding, only:kl,kl; of a table or figure, its own)',
      (value) => value.split(','),
    )
    .option('-k, --k <count>', 'neighbours that vote; all rows, where there are fewer', whole(1), 20)
    .addOption(
      new Option('--ties <rule>', 'who wins a tied vote: the first label by name or the nearest')
        .choices(['name', 'nearest'])
        .default('name'),
    )
    .option('--seeds <count>', 'runs, with seeds 0, 1, …: heads, views and projections', whole(1, 100), 1)
    .option(
      '--throughput-texts <count>',
      'test texts to time features on (default: 0, nothing; 32 for Figure 12)',
      whole(0),
    );
  addCommonOptions(addFeatureCacheOption(addFeatureOptions(addEncoderOptions(command))), { json: false })
    .option('--markdown', 'findings and table as Markdown')
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText('after', `\nFactors:\n${factorLines()}\n\n${NOTES}`)
    .action((flags: AblateFlags) => run(flags, (context) => evalAblate(context, flags)));
}

const factorLines = (): string =>
  Object.entries(FACTORS)
    .map(([name, { levels, what }]) => `  ${name.padEnd(12)} ${what}: ${levels}`)
    .join('\n');

const NOTES = `One factor at a time is changed, from the default setting: that of the other options and --with. The default is marked by a star, and is
tried though it is not among the levels. p is two-sided, McNemar's mid-p for one seed, of the paired bootstrap for several, and corrected
for the number of differences (Holm). Levels of one layer share an encoding pass. A level that fails is reported, and the others go on.
The paper's Table 18 is about the DINO loss, which is for images.

Examples:
  fungi eval ablate --train train.jsonl --test test.jsonl --vary head=linear,none --vary temperature=1,5,15,50
  fungi eval ablate --train train.jsonl --test test.jsonl --table 6
  fungi eval ablate --train train.jsonl --test test.jsonl --figure 8 --encoder bert-base --limit-train 1000
  fungi eval ablate --train train.jsonl --test test.jsonl --vary projection=nystrom,binary --vary reducer=pca,none --cross
  fungi eval ablate --train train.jsonl --test test.jsonl --loss simclr --vary views=2,4,8,12 --throughput-texts 32`;

interface Asked extends Pick<Preset, 'loss' | 'cross'> {
  readonly factors: readonly Factor[];
  readonly common: Values;
  readonly features: readonly string[];
  readonly throughputTexts: number;
}

/** What to try, before anything is read or loaded. @throws {FungiError} INVALID_ARGUMENT */
function asked(flags: AblateFlags): Asked {
  const name = presetName(flags);
  const found = name === undefined ? undefined : preset(name, flags.loss);
  const loss = found?.loss ?? flags.loss ?? 'kl';
  const factors = parseFactors(found?.vary ?? flags.vary ?? [], loss);
  if (factors.length === 0) {
    throw new FungiError('INVALID_ARGUMENT', 'there is nothing to vary', {
      hint: 'Add --vary head=linear,none, --table 6 or --figure 8; --help lists the factors.',
    });
  }
  const common = { ...parseValues(found?.common ?? [], loss), ...parseValues(flags.with ?? [], loss) };
  const setsVary = factors.some((factor) => factor.name === 'features') || common.features !== undefined;
  if (setsVary && flags.features !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', '--features and the factor "features" say the same thing', {
      hint: 'Leave --features out; --with features=kl says what the other levels are judged by.',
    });
  }
  const features = setsVary ? [common.features ?? loss] : (flags.features ?? found?.features ?? [`only:${loss}`, loss]);
  parseFeatureSets(features);
  return {
    ...{ loss, factors, common, features },
    cross: flags.cross === true || found?.cross === true,
    throughputTexts: flags.throughputTexts ?? (found?.timed === true ? 32 : 0),
  };
}

function presetName({ table, figure, vary }: AblateFlags): string | undefined {
  if ([table, figure, vary].filter((each) => each !== undefined).length > 1) {
    throw new FungiError('INVALID_ARGUMENT', 'give --vary, --table or --figure, one of them', {
      hint: 'A table or figure says itself what is varied.',
    });
  }
  return table !== undefined ? `table ${table}` : figure !== undefined ? `figure ${figure}` : undefined;
}

async function evalAblate(context: Context, flags: AblateFlags): Promise<Report> {
  const { k, ties, dims, mode, projection } = flags;
  const { loss, common, features, cross, throughputTexts, ...request } = asked(flags);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const { train, test, split } = await readTrainAndTest(flags, context);
  const warning = smallPoolWarning(train.length, k);
  if (warning !== undefined) context.log.warn(warning);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);

  const { loadEncoder, loadEngine } = await import('../../selector/load-engine.js');
  const { gradientSources } = await import('../../engine/gradient-sources.js');
  const { layerName, layerTensor, namedLayers, withLayers } = await import('../../eval/ablate/layers.js');
  const { levelsCrossed, levelsOneAtATime } = await import('../../eval/ablate/levels.js');
  const { defaultValues, levelSettings } = await import('../../eval/ablate/level-settings.js');
  const { ablate } = await import('../../eval/ablate/ablate.js');
  const { ablationReport } = await import('../../eval/ablate/ablation-report.js');

  const options = engineOptions(flags, context);
  const source = await loadEncoder(options);
  const sources = await gradientSources(source, flags.output === undefined ? {} : { output: flags.output });
  const layers = namedLayers(sources);
  const factors = request.factors.map((factor) => withLayers(factor, sources));
  const loaded = await loadEngine({ ...options, encoder: source });
  try {
    const { engine, encoder } = loaded;
    const base: AblationBase = {
      ...{ loss, features, mode, projection, dims },
      layer: layerName(engine.info.target.tensor, layers),
    };
    const fixed = valuesWithLayer(common, (level) => withLayers({ name: 'layer', levels: [level] }, sources).levels);
    const defaults = defaultValues(base, fixed, engine.info.dims);
    const levels = (cross ? levelsCrossed : levelsOneAtATime)(factors, { defaults, common: fixed });
    const openLayer = async (layer: string): Promise<LayerEngine> => {
      const isLoaded = layer === base.layer;
      const target = layerTensor(layer, layers);
      const other = isLoaded ? loaded : await loadEngine({ ...options, encoder: source, target });
      const close = (): Promise<void> => (isLoaded ? Promise.resolve() : other.engine.close());
      return { engine: other.engine, encoder: cacheKey(other, context), close };
    };
    const result = await ablate({
      ...{ train, test, levels, base, openLayer, seeds, k, ties, onProgress: context.onProgress },
      cache: featureCache(flags, loaded, context),
      timed: part(test, throughputTexts, 'throughput').map(({ input }) => input),
    });
    const reportOptions = { factors, crossed: cross, truth: test.map(({ label }) => label) };
    const settings = levels.map(({ name, values }) => ({ name, ...levelSettings(values, base) }));
    const method = {
      ...{ loss, k, ties, seeds, features: [...features], crossed: cross, dims },
      split: split && { ...split },
      common: Object.entries(fixed).map(([name, level]) => `${name}=${level}`),
      factors: factors.map(({ name, levels: tried }) => ({ name, levels: [...tried], default: defaults[name]! })),
    };
    const report = {
      ...ablationReport(result, reportOptions),
      fingerprint: fingerprint({
        protocol: 'ablate',
        encoder: { ...encoder, id: undefined, file: undefined },
        levels: settings as unknown as Json,
        train: rowsFingerprint(train),
        test: rowsFingerprint(test),
        ...method,
      }),
      encoder,
      protocol: 'ablate',
      ...method,
      data: countData(train, test),
      truncated: result.truncated,
    };
    warnOfTruncated(result.truncated, report.data, context);
    for (const { level, error } of result.failed) context.log.warn(`${level.name} failed: ${error.message}`);
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    const text = ablateText(report, { ...reportOptions, markdown: flags.markdown === true });
    return { text, json: report, ...(error && { error }) };
  } finally {
    await loaded.engine.close();
  }
}

/** @param resolve spells a layer out */
function valuesWithLayer(values: Values, resolve: (level: string) => readonly string[]): Values {
  if (values.layer === undefined) return values;
  const [layer, ...others] = resolve(values.layer);
  if (others.length > 0) {
    throw new FungiError('INVALID_ARGUMENT', `layer=${values.layer} is several layers, and all levels are to have one`);
  }
  return { ...values, layer: layer! };
}

const cacheKey = (loaded: LoadedEngine, context: Context): Json =>
  featureCache({ featureCache: true }, loaded, context)!.encoder;
