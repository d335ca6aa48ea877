/** `fungi eval ablate`: which settings of the features matter on this data? */
import { Option, type Command } from 'commander';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { Encoder } from '../../encoders/encoder.js';
import type { LayerEngine } from '../../eval/ablate/ablate.js';
import { FACTORS, type Factor, type Values } from '../../eval/ablate/factors.js';
import type { AblationBase } from '../../eval/ablate/level-settings.js';
import type { Level } from '../../eval/ablate/levels.js';
import { ablationRequest, type AblationRequest } from '../../eval/ablate/request.js';
import { smallPoolWarning } from '../../eval/data/check-data.js';
import { countData } from '../../eval/data/data-counts.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import { ABLATED_LOSSES, type AblatedLoss } from '../../eval/ablate/losses.js';
import type { TieRule } from '../../retrieve/vote.js';
import type { LoadedEngine } from '../../selector/load-engine.js';
import { ablateText } from '../ablate-text.js';
import { warnOfTruncated } from '../classify-text.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addDataOptions, assertWritable, part, readTrainAndTest, saveReport, type DataFlags } from '../eval-data.js';
import { addFeatureCacheOption, encoderIdentity, featureCache, type FeatureCacheFlags } from '../feature-cache.js';
import { assertReads } from '../media-items.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  collect,
  engineOptions,
  pick,
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
  readonly loss?: AblatedLoss;
  readonly features?: readonly string[];
  readonly k: number;
  readonly ties: TieRule;
  readonly seeds: number;
  readonly throughputTexts?: number;
  readonly markdown?: boolean;
}

/** Texts that a preset with costs is timed on. */
const TIMED = 32;

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
    .option('--table <number>', 'what a table of the paper varies: 6, 18, 19, 20 or 21')
    .option('--figure <number>', 'what a figure of the paper varies: 8 or 12')
    .addOption(new Option('--loss <name>', 'whose gradient is varied (default: kl)').choices(ABLATED_LOSSES))
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
Table 18 and --loss dino are of images.

Examples:
  fungi eval ablate --train train.jsonl --test test.jsonl --vary head=linear,none --vary temperature=1,5,15,50
  fungi eval ablate --train train.jsonl --test test.jsonl --table 6
  fungi eval ablate --train train.jsonl --test test.jsonl --figure 8 --encoder bert-base --limit-train 1000
  fungi eval ablate --train train.jsonl --test test.jsonl --vary projection=nystrom,binary --vary reducer=pca,none --cross
  fungi eval ablate --train train.jsonl --test test.jsonl --loss simclr --vary views=2,4,8,12 --throughput-texts 32
  fungi eval ablate --train flowers/train --test flowers/test --encoder facebook/dinov2-small --table 18`;

interface Tried {
  readonly base: AblationBase;
  readonly factors: readonly Factor[];
  /** Of every factor its level in the default setting. */
  readonly defaults: Values;
  readonly common: Values;
  readonly levels: readonly Level[];
  readonly openLayer: (layer: string) => Promise<LayerEngine>;
}

async function evalAblate(context: Context, flags: AblateFlags): Promise<Report> {
  const { k, ties } = flags;
  const request = ablationRequest({ ...flags, common: flags.with });
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const { train, test, split } = await readTrainAndTest(flags, context);
  const warning = smallPoolWarning(train.length, k);
  if (warning !== undefined) context.log.warn(warning);
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);

  const { loadEncoder, loadEngine } = await import('../../selector/load-engine.js');
  const { levelSettings } = await import('../../eval/ablate/level-settings.js');
  const { ablate } = await import('../../eval/ablate/ablate.js');
  const { ablationReport } = await import('../../eval/ablate/ablation-report.js');
  const options = engineOptions(flags, context);
  const source = await loadEncoder(options);
  assertReads(source, train, flags.train);
  const loaded = await loadEngine({ ...options, encoder: source });
  try {
    const { encoder } = loaded;
    const tried = await levelsOf(request, flags, source, loaded, context);
    const { base, factors, defaults, common, levels, openLayer } = tried;
    const timed = part(test, flags.throughputTexts ?? (request.timed ? TIMED : 0), 'throughput');
    const result = await ablate({
      ...{ train, test, levels, base, openLayer, seeds, k, ties, onProgress: context.onProgress },
      cache: featureCache(flags, loaded, context),
      timed: timed.map(({ input }) => input),
    });
    const shown = { factors, crossed: request.cross, truth: test.map(({ label }) => label) };
    const method = {
      ...{ loss: base.loss, k, ties, seeds, features: [...base.features], crossed: request.cross, dims: base.dims },
      split: split && { ...split },
      common: Object.entries(common).map(([name, level]) => `${name}=${level}`),
      factors: factors.map(({ name, levels: own }) => ({ name, levels: [...own], default: defaults[name]! })),
    };
    const report = {
      ...ablationReport(result, shown),
      fingerprint: fingerprint({
        protocol: 'ablate',
        encoder: encoderIdentity(loaded, flags),
        levels: levels.map(({ name, values }) => ({ name, ...levelSettings(values, base) })) as unknown as Json,
        train: rowsFingerprint(train),
        test: rowsFingerprint(test),
        ...method,
      }),
      ...{ encoder, protocol: 'ablate', ...method, data: countData(train, test), truncated: result.truncated },
    };
    warnOfTruncated(result.truncated, report.data, context);
    for (const { level, error } of result.failed) context.log.warn(`${level.name} failed: ${error.message}`);
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    const text = ablateText(report, { ...shown, markdown: flags.markdown === true });
    return { text, json: report, ...(error && { error }) };
  } finally {
    await loaded.engine.close();
  }
}

/** What is asked for, in terms of this model: its layers, the width of its embedding. */
async function levelsOf(
  { factors: asked, common: fixed, cross, loss, features }: AblationRequest,
  flags: AblateFlags,
  source: Encoder,
  loaded: LoadedEngine,
  context: Context,
): Promise<Tried> {
  const { gradientSources } = await import('../../engine/gradient-sources.js');
  const { loadEngine } = await import('../../selector/load-engine.js');
  const { layerName, layerTensor, namedLayers, withLayers, withOneLayer } = await import('../../eval/ablate/layers.js');
  const { levelsCrossed, levelsOneAtATime } = await import('../../eval/ablate/levels.js');
  const { defaultValues } = await import('../../eval/ablate/level-settings.js');
  const { mode, projection, dims } = flags;
  const sources = await gradientSources(source, pick(flags, 'output'));
  const layers = namedLayers(sources);
  const { info } = loaded.engine;
  const { modality } = source;
  const base = {
    ...{ modality, loss, features, mode, projection, dims },
    layer: layerName(info.target.tensor, layers),
  };
  const factors = asked.map((factor) => withLayers(factor, sources));
  const common = withOneLayer(fixed, sources);
  const defaults = defaultValues(base, common, info.dims);
  return {
    ...{ base, factors, common, defaults },
    levels: (cross ? levelsCrossed : levelsOneAtATime)(factors, { defaults, common }),
    async openLayer(layer) {
      const isLoaded = layer === base.layer;
      const target = layerTensor(layer, layers);
      const own = isLoaded ? loaded : await loadEngine({ ...engineOptions(flags, context), encoder: source, target });
      const encoder = encoderIdentity(own, flags);
      return { engine: own.engine, encoder, close: () => (isLoaded ? Promise.resolve() : own.engine.close()) };
    },
  };
}
