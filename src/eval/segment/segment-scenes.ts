/**
 * In-context scene understanding (Balažević et al. 2023; paper §5.2 and Table 23): patches of training pictures, with the classes in
 * them, make a memory bank; a test picture's patches take their classes from the nearest ones in it, and its pixels from its patches.
 *
 * Axes: C classes, P width of a feature.
 */
import { labelMap } from './label-map.js';
import { readLabelImage, resizeLabels } from './label-file.js';
import { IouCounter, type ClassPixels, type Iou } from './mean-iou.js';
import { memoryBanks } from './memory-bank.js';
import type { BankOptions, PatchDraw } from './drawn-patches.js';
import type { DecodeOptions } from './patch-bank.js';
import type { PictureTokens } from './picture-tokens.js';
import { sceneWindows } from './scene-windows.js';
import type { Scene } from './scenes.js';

/** Features under a seed, which also draws the bank. Plans may share features. */
export interface SegmentPlan extends PatchDraw {
  readonly name: string;
}

export interface SegmentOptions extends DecodeOptions, BankOptions {
  readonly test: readonly Scene[];
}

export interface SegmentRun {
  readonly name: string;
  readonly seed: number;
  /** Patches of the bank. */
  readonly patches: number;
  readonly iou: Iou;
  /** With classes renamed for the greatest sum, as the paper's code has it: see {@link IouCounter.matchedScore}. */
  readonly matched: Iou;
  /** What `iou` is made of, by test picture. */
  readonly pictures: readonly ClassPixels[];
}

/**
 * Training pictures are encoded once for all plans, augmented ones once for each seed, test pictures once. Truth and prediction are compared
 * at the size that pictures are brought to.
 *
 * @throws {FungiError} INVALID_ARGUMENT as `drawnPatches` and `PatchBank.decode`; INVALID_DATA where no pixel of a side has a class
 */
export async function segmentScenes(
  tokens: PictureTokens,
  plans: readonly SegmentPlan[],
  options: SegmentOptions,
): Promise<SegmentRun[]> {
  const { test, classes, onProgress } = options;
  const banks = await memoryBanks(tokens, plans, options);
  const counters = plans.map(() => new IouCounter({ classes: classes.count, ignore: classes.ignore }));
  const pictures = plans.map((): ClassPixels[] => []);
  const { grid, size } = tokens;
  for await (const { encoded, done } of sceneWindows(tokens, test)) {
    const truth = await Promise.all(
      encoded.copies.map(async ({ labels }) => resizeLabels(await readLabelImage(labels), size).labels),
    );
    for (const [p, { features }] of plans.entries()) {
      const shares = await banks[p]!.decode(await features.of(encoded), options);
      const width = grid.rows * grid.columns * classes.count;
      truth.forEach((labels, i) => {
        const own = shares.subarray(i * width, (i + 1) * width);
        pictures[p]!.push(counters[p]!.add(labels, labelMap(own, { grid, classes: classes.count, ...size })));
      });
    }
    onProgress?.({ stage: 'segment', done, total: test.length, unit: 'rows' });
  }
  return plans.map(({ name, seed }, p) => ({
    ...{ name, seed, patches: banks[p]!.size, pictures: pictures[p]! },
    ...{ iou: counters[p]!.score(), matched: counters[p]!.matchedScore() },
  }));
}
