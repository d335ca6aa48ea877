/** `fungi index`: labelled examples into an index. */
import { Option, type Command } from 'commander';
import type { LossName } from '../../eval/features/feature-sets.js';
import { assertLabels } from '../../eval/data/read-examples.js';
import { DEFAULT_REDUCER, REDUCTION_KINDS, type IndexReduction } from '../../selector/reduction.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { hintOfEncoders } from '../encoder-hint.js';
import { ensureIndex } from '../ensure-index.js';
import { manifestLines } from '../manifest-lines.js';
import { assertReads } from '../media-items.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  addIndexesOption,
  engineOptions,
  featureSettings,
  parseLosses,
  pick,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';
import { duration, pairs } from '../output.js';
import { addPoolOptions, POOL_SOURCES, readPool, tellRepeats, type PoolFlags } from '../read-pool.js';
import { assertShrinks, isSupervised, shrinkageOption } from '../shrinkage-option.js';

interface IndexFlags extends CommonOptions, EncoderFlags, FeatureFlags, PoolFlags {
  readonly data: string;
  readonly losses: readonly LossName[];
  readonly seed: number;
  readonly recipe?: 'auto' | 'paper';
  readonly reducer: IndexReduction['kind'];
  readonly shrinkage?: number | 'auto';
  readonly metric?: 'l2' | 'cosine';
  readonly force?: boolean;
  readonly keepPrevious?: boolean;
}

export function addIndex(program: Command, run: Run): void {
  const command = program
    .command('index')
    .description('build an index of labelled examples; an interrupted build goes on where it stopped')
    .argument('<name>', 'name of the index: a-z, 0-9, "-" and "_"')
    .requiredOption('--data <source>', `examples: ${POOL_SOURCES}`)
    .option(
      '--losses <list>',
      'gradients beside the embedding: none, or some of kl and simclr, for images also dino, deepcluster and ibot: kl,simclr',
      parseLosses,
      parseLosses('kl'),
    );
  addFeatureOptions(addEncoderOptions(command))
    .option('--seed <number>', 'of random heads, views and projections', whole(0), 0)
    .addOption(
      new Option('--reducer <kind>', 'how features are reduced: auto, lda and blend learn of the labels')
        .choices(REDUCTION_KINDS)
        .default(DEFAULT_REDUCER.kind),
    )
    .addOption(
      new Option(
        '--recipe <name>',
        'auto chooses losses, reduction and voters on the examples; paper takes all losses, PCA and the Euclidean distance (default: auto)',
      )
        .choices(['auto', 'paper'])
        .conflicts('reducer'),
    )
    .addOption(shrinkageOption())
    .addOption(
      new Option(
        '--metric <metric>',
        'distance between features (default: cosine with auto, lda and blend, l2 with the others and with lda of two labels)',
      ).choices(['l2', 'cosine']),
    );
  addCommonOptions(addIndexesOption(addPoolOptions(command)))
    .option('--force', 'replace an index of that name that has other data or settings')
    .addOption(
      new Option(
        '--keep-previous',
        'replace it, and keep it as the previous generation for `fungi indexes rollback`: as much room on the disk again',
      ).implies({ force: true }),
    )
    .addHelpText(
      'after',
      `
What is indexed is what the encoder reads: texts, or with an image or audio encoder files, named by their path. An index of the same data
and settings is left as it is. One that differs is only replaced with --force, and only by a complete one. With it goes its previous generation; --keep-previous
keeps it as that.

--reducer auto holds examples out to choose which losses are worth their time, how strongly labels shape the space, and how many neighbours vote; what it expects of
that, and of the plain embedding, is printed. Losses not chosen cost queries nothing. pca is the paper's, and knows no label (--recipe paper). lda takes the directions that tell the labels apart, one less than there are labels; blend has the same
beside a PCA: examples are chosen by both, and where no LLM answers, neighbours vote by what tells labels apart. none reduces nothing.

Examples:
  fungi index bank --data train.jsonl
  fungi index bank --data train.csv --input-key question --label-key intent
  fungi index bank --data train.csv --id-key none
  fungi index bank --data train.jsonl --recipe paper --force
  fungi index bank-plain --data train.jsonl --losses none
  fungi index bank --data train.jsonl --encoder ./models/bert-base --pooling first --losses kl,simclr --force
  fungi index flowers --data flowers/train --encoder ./models/dinov2-small --losses kl,dino`,
    )
    .action((name: string, flags: IndexFlags) => run(flags, (context) => index(context, name, flags)));
}

function reductionOf({ recipe, reducer: kind, shrinkage }: IndexFlags): IndexReduction {
  if (recipe === 'paper') return { kind: 'pca' };
  return isSupervised(kind) ? { kind, shrinkage } : { kind };
}

async function index(context: Context, name: string, flags: IndexFlags): Promise<Report> {
  const { effects, indexes } = context;
  const reducer = reductionOf(flags);
  assertShrinks(reducer.kind, flags.shrinkage);
  const { examples, warnings } = await readPool(flags.data, flags, context);
  assertLabels(examples, flags.data);
  const { loadEncoder } = await import('../../selector/load-engine.js');
  const options = engineOptions(flags, context);
  const encoder = await loadEncoder(options);
  assertReads(encoder, examples, flags.data);
  const { repeated, conflicts } = tellRepeats(examples, encoder.modality, context);

  const began = effects.now();
  const { manifest, state } = await ensureIndex({
    name,
    indexes,
    examples,
    features: {
      ...featureSettings(flags),
      losses: flags.losses.map((loss) => ({ name: loss })),
      seed: flags.seed,
    },
    dims: flags.dims,
    reducer,
    ...pick(flags, 'metric'),
    ifDifferent: flags.keepPrevious === true ? 'set-aside' : flags.force === true ? 'replace' : 'refuse',
    ...options,
    encoder,
  });
  const seconds = (effects.now() - began) / 1000;
  if (state !== 'unchanged') hintOfEncoders(flags, context);
  const heading =
    state === 'unchanged'
      ? `index "${name}" in ${indexes} has this data and these settings already: nothing to do`
      : `index "${name}" ${state} in ${indexes} in ${duration(seconds)}`;
  return {
    text: `${heading}\n${pairs(manifestLines(manifest))}`,
    json: { state, indexes, seconds, read: examples.length, repeated, conflicts, warnings, manifest },
  };
}
