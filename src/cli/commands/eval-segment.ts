/** `fungi eval segment`: in-context scene understanding (paper §5.2), the class of each pixel by the nearest patches of other pictures. */
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { fingerprint, fingerprintLines, type Json } from '../../core/fingerprint.js';
import type { Scene, SceneClasses } from '../../eval/segment/scenes.js';
import type { LoadedEngine } from '../../selector/load-engine.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, saveReport } from '../eval-data.js';
import { encoderIdentity } from '../feature-cache.js';
import { addCommonOptions, addEncoderOptions, engineOptions, whole, type EncoderFlags } from '../options.js';
import { segmentText, type SegmentReport } from '../segment-text.js';

interface SegmentFlags extends CommonOptions, EncoderFlags {
  readonly train: string;
  readonly test: string;
  readonly classes?: string;
  readonly ignore: number;
  readonly tiles: number;
  readonly bank: number;
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
first, as the paper's code does. The paper's setting for few training pictures is -k 90 --temperature 0.1.`;

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
    .option('--ignore <value>', 'value of pixels without a class', whole(0, 255), 255)
    .option('--tiles <count>', 'parts down and across that a picture is cut into', whole(1, 8), 2)
    .option('--bank <patches>', 'most patches of the memory bank', whole(1), 1024 * 100)
    .option('-k, --k <count>', 'patches of the bank that a patch takes its classes from', whole(1), 30)
    .option('--temperature <value>', 'what cosines are divided by before the softmax', positive, 0.02)
    .option('--seeds <count>', 'draws of the memory bank, from 0', whole(1), 1)
    .option('--limit-train <count>', 'a random part of the training pictures, drawn with seed 0', whole(1))
    .option('--limit-test <count>', 'a random part of the test pictures, drawn with seed 0', whole(1));
  addCommonOptions(addEncoderOptions(command, { pools: false }), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `\n${NOTES}\n\nExamples:\n  fungi eval segment --train camvid/train --test camvid/test --ignore 11 --encoder facebook/dinov2-small\n` +
        '  fungi eval segment --train DIR --test DIR --encoder ./vit --limit-train 80 -k 90 --temperature 0.1 --seeds 3 --json scenes.json',
    )
    .action((flags: SegmentFlags) => run(flags, (context) => evaluate(context, flags)));
}

async function evaluate(context: Context, flags: SegmentFlags): Promise<Report> {
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const scenes = await readScenes(context, flags);
  const { loadEngine } = await import('../../selector/load-engine.js');
  const loaded = await loadEngine({ ...engineOptions(flags, context), pooling: 'mean' });
  try {
    const report = await measure(context, flags, scenes, loaded);
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

async function measure(
  { onProgress }: Context,
  flags: SegmentFlags,
  { train, test, names, classes }: Scenes,
  loaded: LoadedEngine,
): Promise<SegmentReport> {
  const { patchEmbedding } = await import('../../eval/segment/patch-features.js');
  const { PictureTokens } = await import('../../eval/segment/picture-tokens.js');
  const { segmentScenes } = await import('../../eval/segment/segment-scenes.js');
  const { engine, encoder } = loaded;
  const { tiles, bank, k, temperature, seeds, ignore } = flags;
  const tokens = PictureTokens.create(engine, tiles);
  const embedding = await patchEmbedding(engine);
  const plans = Array.from({ length: seeds }, (_, seed) => ({ name: 'embedding', seed, features: embedding }));
  const runs = await segmentScenes(tokens, plans, { train, test, classes, bank, k, temperature, onProgress });
  const results = runs.map(({ name, seed, patches, iou, matched }) => ({
    ...{ features: name, seed, bank: patches, meanIou: iou.mean, matchedMeanIou: matched.mean },
    perClass: Object.fromEntries(iou.perClass.flatMap((each, c) => (c === ignore ? [] : [[names[c]!, each]]))),
  }));
  const settings = { tiles, bank, k, temperature, ignore };
  const data = { train: train.length, test: test.length, classes: names.filter((_, c) => c !== ignore) };
  return {
    ...{ results, data, settings, encoder, size: tokens.size, grid: tokens.grid, patch: tokens.patch },
    fingerprint: fingerprint({
      ...{ protocol: 'segment', settings, encoder: encoderIdentity(loaded, flags), seeds },
      ...{ features: [...new Set(runs.map(({ name }) => name))], names: [...names] },
      scenes: fingerprintLines(await digests(engine, [...train, ...test])),
    } satisfies Record<string, Json | undefined>),
  };
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
