/**
 * In-context scene understanding (Balažević et al. 2023; paper §5.2 and Table 23): patches of training pictures, with the classes in
 * them, make a memory bank; a test picture's patches take their classes from the nearest ones in it, and its pixels from its patches.
 *
 * Axes: C classes, P width of a feature.
 */
import type { OnProgress } from '../../core/progress.js';
import type { LinalgOptions } from '../../runtime/linalg.js';
import { labelMap } from './label-map.js';
import { readLabelImage, resizeLabels } from './label-file.js';
import { IouCounter, type Iou } from './mean-iou.js';
import { memoryBanks } from './memory-bank.js';
import type { DecodeOptions } from './patch-bank.js';
import type { PatchFeatures } from './patch-features.js';
import type { PictureTokens } from './picture-tokens.js';
import type { Scene, SceneClasses } from './scenes.js';
import { computedOnce, sceneWindows } from './scene-windows.js';

/** Features under a seed, which also draws the bank. */
export interface SegmentPlan {
  readonly name: string;
  readonly seed: number;
  /** Plans may share one. */
  readonly features: PatchFeatures;
}

export interface SegmentOptions extends DecodeOptions {
  readonly train: readonly Scene[];
  readonly test: readonly Scene[];
  readonly classes: SceneClasses;
  /** Most patches of a bank: each training picture gives as many. */
  readonly bank: number;
  readonly runtime?: LinalgOptions;
  readonly onProgress?: OnProgress;
}

export interface SegmentRun {
  readonly name: string;
  readonly seed: number;
  /** Patches of the bank. */
  readonly patches: number;
  readonly iou: Iou;
  /** With classes renamed for the greatest sum, as the paper's code has it: see {@link IouCounter.matchedScore}. */
  readonly matched: Iou;
}

/**
 * Training and test pictures are each encoded once for all plans. Truth and prediction are compared at the size that pictures are
 * brought to.
 *
 * @throws {FungiError} INVALID_ARGUMENT as `memoryBanks` and `PatchBank.decode`; INVALID_DATA where no pixel of a side has a class
 */
export async function segmentScenes(
  tokens: PictureTokens,
  plans: readonly SegmentPlan[],
  options: SegmentOptions,
): Promise<SegmentRun[]> {
  const { test, classes, onProgress } = options;
  const banks = await memoryBanks(tokens, plans, options);
  const counters = plans.map(() => new IouCounter({ classes: classes.count, ignore: classes.ignore }));
  const { grid, size } = tokens;
  for await (const { scenes, encoded, done } of sceneWindows(tokens, test)) {
    const features = computedOnce(encoded);
    const truth = await Promise.all(
      scenes.map(async (scene) => resizeLabels(await readLabelImage(scene.labels), size).labels),
    );
    for (const [p, plan] of plans.entries()) {
      const shares = await banks[p]!.decode(await features(plan.features), options);
      const width = grid.rows * grid.columns * classes.count;
      truth.forEach((labels, i) => {
        const own = shares.subarray(i * width, (i + 1) * width);
        counters[p]!.add(labels, labelMap(own, { grid, classes: classes.count, ...size }));
      });
    }
    onProgress?.({ stage: 'segment', done, total: test.length, unit: 'rows' });
  }
  return plans.map(({ name, seed }, p) => ({
    ...{ name, seed, patches: banks[p]!.size },
    ...{ iou: counters[p]!.score(), matched: counters[p]!.matchedScore() },
  }));
}
