/** `fungi eval segment`: in-context scene understanding (paper §5.2), the class of each pixel by the nearest patches of other pictures. */
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { fingerprint, fingerprintLines, type Json } from '../../core/fingerprint.js';
import { parseFeatureSets, type FeatureSet } from '../../eval/features/feature-sets.js';
import type { PatchFeatures } from '../../eval/segment/patch-features.js';
import type { PatchSimclrOptions } from '../../eval/segment/patch-simclr-features.js';
import type { PictureTokens } from '../../eval/segment/picture-tokens.js';
import type { Scene, SceneClasses } from '../../eval/segment/scenes.js';
import type { SegmentOptions, SegmentPlan } from '../../eval/segment/segment-scenes.js';
import type { LoadedEngine } from '../../selector/load-engine.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, saveReport } from '../eval-data.js';
import { encoderIdentity } from '../feature-cache.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  engineOptions,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';
import { segmentText, type SegmentReport } from '../segment-text.js';

interface SegmentFlags extends CommonOptions, EncoderFlags, Omit<FeatureFlags, 'dims'> {
  readonly features: readonly string[];
  readonly train: string;
  readonly test: string;
  readonly classes?: string;
  readonly ignore: number;
  readonly tiles: number;
  readonly bank: number;
  readonly augmentationEpochs: number;
  readonly k: number;
  readonly temperature: number;
  readonly seeds: number;
  readonly limitTrain?: number;
  readonly limitTest?: number;
}

const NOTES = `A folder has images/NAME.jpg and labels/NAME.png, a grey image of the same size whose values are classes. A picture is cut into --tiles ×
--tiles parts, each brought to the size of the encoder's input: with 2, a ViT for 224 pixels and patches of 14 sees 448 × 448 pixels as 32 × 32
patches (the paper's are 512 × 512 pixels at once, 32 × 32 patches of 16). Patches of the training pictures make the memory bank, as many of
each, rare classes first. A test patch takes its classes from the k nearest by cosine, weighted by a softmax; pixels lie between patches.
mIoU is the mean over classes of intersection over union, at the size of the tiles; "matched" has classes renamed for the greatest sum
first, as the paper's code does. "simclr" joins a patch's state with its gradient of SimCLR between the patches of its picture, against their
neighbours among patches of other training pictures, which takes longer. The paper's setting for few training pictures
is --augmentation-epochs 8 -k 90 --temperature 0.1 --bank 20480000.`;

/** The loss that there is of patches. */
const LOSS = 'simclr';

export function addEvalSegment(evaluation: Command, run: Run): void {
  const command = evaluation
    .command('segment')
    .description('mean IoU of semantic segmentation by the nearest patches of a memory bank')
    .requiredOption('--train <dir>', 'pictures and label maps that make the memory bank')
    .requiredOption('--test <dir>', 'pictures and label maps to segment')
    .option(
      '--classes <file>',
      'names of the classes by value, a JSON list (default: labels.json in the folder of --train, or beside it)',
    )
    .option(
      '--features <list>',
      'embedding; simclr (joined with the embedding); only:simclr (gradients alone)',
      (value) => value.split(','),
      ['embedding', LOSS],
    )
    .option('--ignore <value>', 'value of pixels without a class', whole(0, 255), 255)
    .option('--tiles <count>', 'parts down and across that a picture is cut into', whole(1, 8), 2)
    .option('--bank <patches>', 'most patches of the memory bank', whole(1), 1024 * 100)
    .option(
      '--augmentation-epochs <count>',
      'copies of each training picture in the bank, cropped and recoloured at random; 0 takes the picture as it is',
      whole(0, 1000),
      0,
    )
    .option('-k, --k <count>', 'patches of the bank that a patch takes its classes from', whole(1), 30)
    .option('--temperature <value>', 'what cosines are divided by before the softmax', positive, 0.02)
    .option('--seeds <count>', 'draws of bank, copies, head and projection, from 0', whole(1), 1)
    .option('--limit-train <count>', 'a random part of the training pictures, drawn with seed 0', whole(1))
    .option('--limit-test <count>', 'a random part of the test pictures, drawn with seed 0', whole(1));
  addFeatureOptions(addEncoderOptions(command, { pools: false }), { dims: false });
  addCommonOptions(command, { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `\n${NOTES}\n\nExamples:\n  fungi eval segment --train camvid/train --test camvid/test --ignore 11 --encoder facebook/dinov2-small\n` +
        '  fungi eval segment --train DIR --test DIR --encoder ./vit --limit-train 83 --augmentation-epochs 8 -k 90 --temperature 0.1 --json scenes.json',
    )
    .action((flags: SegmentFlags) => run(flags, (context) => evaluate(context, flags)));
}

async function evaluate(context: Context, flags: SegmentFlags): Promise<Report> {
  const sets = parseFeatureSets(flags.features);
  assertPatchSets(sets);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const scenes = await readScenes(context, flags);
  const { loadEngine } = await import('../../selector/load-engine.js');
  const loaded = await loadEngine({ ...engineOptions(flags, context), pooling: 'mean' });
  try {
    const report = await measure(context, flags, sets, scenes, loaded);
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    return { text: segmentText(report), json: report, ...(error && { error }) };
  } finally {
    await loaded.engine.close();
  }
}

interface Scenes {
  readonly train: readonly Scene[];
  readonly test: readonly Scene[];
  readonly names: readonly string[];
  readonly classes: SceneClasses;
}

/** All of it is looked at before a model is loaded. */
async function readScenes({ onProgress, log }: Context, flags: SegmentFlags): Promise<Scenes> {
  const { listScenes, assertScenes } = await import('../../eval/segment/scenes.js');
  const { readClassNames } = await import('../../eval/segment/class-names.js');
  const { train: folder, ignore } = flags;
  const usual = [join(folder, 'labels.json'), join(folder, '..', 'labels.json')];
  const [train, test] = [
    part(await listScenes(folder), flags.limitTrain, 'train'),
    part(await listScenes(flags.test), flags.limitTest, 'test'),
  ];
  const names = await readClassNames(flags.classes === undefined ? usual : [flags.classes]);
  const classes = { count: names.length, ignore };
  const [trained, tested] = [
    await assertScenes(train, classes, onProgress),
    await assertScenes(test, classes, onProgress),
  ];
  const unknown = names.filter((_, c) => tested[c]! > 0 && trained[c] === 0);
  if (unknown.length > 0) log.warn(`no training picture has ${unknown.join(', ')}: test pixels of it cannot be right`);
  return { train, test, names, classes };
}

/** @throws {FungiError} INVALID_ARGUMENT for a loss that is not of patches */
function assertPatchSets(sets: readonly FeatureSet[]): void {
  const other = sets.find(({ losses }) => losses.some((loss) => loss !== LOSS));
  if (other === undefined) return;
  throw new FungiError('INVALID_ARGUMENT', `"${other.name}" is no feature set of patches`, {
    hint: `Of patches there are embedding, ${LOSS} (joined with the embedding) and only:${LOSS}.`,
  });
}

async function measure(
  { onProgress }: Context,
  flags: SegmentFlags,
  sets: readonly FeatureSet[],
  { train, test, names, classes }: Scenes,
  loaded: LoadedEngine,
): Promise<SegmentReport> {
  const { PictureTokens } = await import('../../eval/segment/picture-tokens.js');
  const { segmentScenes } = await import('../../eval/segment/segment-scenes.js');
  const { summariseSegments } = await import('../../eval/segment/segment-report.js');
  const { engine, encoder } = loaded;
  const { tiles, bank, augmentationEpochs, k, temperature, seeds, ignore } = flags;
  const { mode = 'paper', projection = 'nystrom' } = flags;
  const tokens = PictureTokens.create(engine, tiles);
  const task = { train, test, classes, bank, augmentationEpochs, k, temperature, mode, projection, onProgress };
  const runs = await segmentScenes(tokens, await plansOf(tokens, sets, seeds, task), task);
  const results = runs.map(({ name, seed, patches, iou, matched }) => ({
    ...{ features: name, seed, bank: patches, meanIou: iou.mean, matchedMeanIou: matched.mean },
    perClass: Object.fromEntries(iou.perClass.flatMap((each, c) => (c === ignore ? [] : [[names[c]!, each]]))),
  }));
  const scored = names.map((name, c) => (c === ignore ? undefined : name));
  const summary = summariseSegments(runs, scored);
  const settings = { tiles, bank, augmentationEpochs, k, temperature, ignore, mode, projection };
  const data = { train: train.length, test: test.length, classes: scored.filter((name) => name !== undefined) };
  return {
    ...{ results, summary, data, settings, encoder, size: tokens.size, grid: tokens.grid, patch: tokens.patch },
    fingerprint: fingerprint({
      ...{ protocol: 'segment', settings, encoder: encoderIdentity(loaded, flags), seeds },
      ...{ features: sets.map(({ name }) => name), names: [...names] },
      scenes: fingerprintLines(await digests(engine, [...train, ...test])),
    } satisfies Record<string, Json | undefined>),
  };
}

/** Each set under each seed; sets of one seed share their gradients. */
async function plansOf(
  tokens: PictureTokens,
  sets: readonly FeatureSet[],
  seeds: number,
  task: SegmentOptions & Pick<PatchSimclrOptions, 'mode' | 'projection'>,
): Promise<SegmentPlan[]> {
  const { joined, patchEmbedding } = await import('../../eval/segment/patch-features.js');
  const { patchSimclrFeatures } = await import('../../eval/segment/patch-simclr-features.js');
  const embedding = await patchEmbedding(tokens.engine);
  const plans: SegmentPlan[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const wanted = sets.some(({ losses }) => losses.length > 0);
    const gradients = wanted ? await patchSimclrFeatures(tokens, { ...task, seed }) : undefined;
    for (const { name, losses, embedding: also } of sets) {
      const parts: PatchFeatures[] = losses.length > 0 ? [gradients!] : [];
      if (also) parts.push(embedding);
      plans.push({ name, seed, features: parts.length === 1 ? parts[0]! : joined(parts) });
    }
  }
  return plans;
}

/** Of pictures and label maps: where they lie does not count. */
async function digests(engine: LoadedEngine['engine'], scenes: readonly Scene[]): Promise<readonly string[]> {
  return engine.identify(scenes.flatMap(({ image, labels }) => [image, labels]));
}

function positive(value: string): number {
  const number = /^\d*\.?\d+(e-?\d+)?$/i.test(value) ? Number(value) : NaN;
  if (number > 0 && number < Infinity) return number;
  throw new InvalidArgumentError('It must be a number above 0, like 0.02.');
}
