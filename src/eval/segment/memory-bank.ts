/** The memory bank of training pictures: which patches of them, their features and the classes in them. */
import { FungiError } from '../../core/errors.js';
import type { OnProgress } from '../../core/progress.js';
import { Rng } from '../../core/rng.js';
import type { LinalgOptions } from '../../runtime/linalg.js';
import { drawPatches } from './draw-patches.js';
import { readLabelImage, resizeLabels } from './label-file.js';
import { PatchBank } from './patch-bank.js';
import type { PatchFeatures } from './patch-features.js';
import { patchLabels } from './patch-labels.js';
import type { PictureTokens } from './picture-tokens.js';
import { computedOnce, sceneWindows } from './scene-windows.js';
import type { Scene, SceneClasses } from './scenes.js';

export interface MemoryBankOptions {
  readonly train: readonly Scene[];
  readonly classes: SceneClasses;
  /** Most patches of a bank: each training picture gives as many. */
  readonly bank: number;
  readonly runtime?: LinalgOptions;
  readonly onProgress?: OnProgress;
}

/**
 * A bank for each plan; those of one seed hold the same patches. Pixels that are ignored count for no class, and patches of nothing else
 * are left out. (The paper's code counts them for class 0, which is the background of Pascal VOC.)
 *
 * @throws {FungiError} INVALID_ARGUMENT for a bank of less than one patch a picture; INVALID_DATA where no pixel has a class
 */
export async function memoryBanks(
  tokens: PictureTokens,
  plans: readonly { readonly seed: number; readonly features: PatchFeatures }[],
  options: MemoryBankOptions,
): Promise<PatchBank[]> {
  const { train, classes, runtime, onProgress } = options;
  const each = patchesPerPicture(options, tokens);
  const rows = plans.map(({ features }) => new Float32Array(train.length * each * features.dims));
  const shares = plans.map(() => new Float32Array(train.length * each * classes.count));
  const counts = plans.map(() => 0);
  for await (const { scenes, encoded, done } of sceneWindows(tokens, train)) {
    const features = computedOnce(encoded);
    const labels = await Promise.all(scenes.map((scene) => sharesOf(scene, tokens, classes)));
    for (const [p, { seed, features: kind }] of plans.entries()) {
      const found = await features(kind);
      const patches = encoded.patches[0]!.length;
      scenes.forEach(({ name }, i) => {
        for (const patch of drawPatches(labels[i]!, classes.count, each, bankStream(seed, name))) {
          const [row, at] = [i * patches + patch, counts[p]!++];
          rows[p]!.set(found.subarray(row * kind.dims, (row + 1) * kind.dims), at * kind.dims);
          shares[p]!.set(labels[i]!.subarray(patch * classes.count, (patch + 1) * classes.count), at * classes.count);
        }
      });
    }
    onProgress?.({ stage: 'memory bank', done, total: train.length, unit: 'rows' });
  }
  if (counts.some((count) => count === 0))
    throw new FungiError('INVALID_DATA', 'no pixel of the training pictures has a class', {
      hint: 'Are all of them the value that --ignore names?',
    });
  return Promise.all(
    plans.map(({ features: { dims } }, p) =>
      PatchBank.create(
        { rows: rows[p]!.subarray(0, counts[p]! * dims), dims },
        { values: shares[p]!.subarray(0, counts[p]! * classes.count), classes: classes.count },
        runtime,
      ),
    ),
  );
}

/** What a picture gives to the bank. @throws {FungiError} INVALID_ARGUMENT */
export function patchesPerPicture({ train, bank }: MemoryBankOptions, { grid }: PictureTokens): number {
  const each = Math.floor(bank / train.length);
  if (each >= 1) return Math.min(each, grid.rows * grid.columns);
  throw new FungiError(
    'INVALID_ARGUMENT',
    `a bank of ${bank} patches is less than one of each of ${train.length} pictures`,
    {
      hint: 'Raise --bank, or take fewer pictures with --limit-train.',
    },
  );
}

/** Drawn by name, so that a picture's patches do not depend on the others. */
export const bankStream = (seed: number, picture: string): Rng => Rng.stream(seed, 'scenes', 'bank', picture);

/** Shares of the classes in a picture's patches [patches,C]. */
export async function sharesOf(
  { labels }: Scene,
  { size, patch }: PictureTokens,
  { count, ignore }: SceneClasses,
): Promise<Float32Array> {
  const resized = resizeLabels(await readLabelImage(labels), size);
  return patchLabels(resized.labels, { ...size, patch, classes: count, ignore: { label: ignore } });
}
