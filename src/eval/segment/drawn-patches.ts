/** Patches drawn of the training pictures, with their features and the classes in them: what memory and support banks hold. */
import { FungiError } from '../../core/errors.js';
import type { OnProgress } from '../../core/progress.js';
import { Rng } from '../../core/rng.js';
import type { LinalgOptions } from '../../runtime/linalg.js';
import { drawPatches } from './draw-patches.js';
import { cropLabels, readLabelImage, resizeLabels } from './label-file.js';
import type { PatchFeatures } from './patch-features.js';
import { patchLabels } from './patch-labels.js';
import type { PictureTokens } from './picture-tokens.js';
import { copiesOf, copyName, type SceneCopy, type SceneLook } from './scene-copies.js';
import { sceneWindows } from './scene-windows.js';
import type { Scene, SceneClasses } from './scenes.js';

export interface BankOptions {
  readonly train: readonly Scene[];
  readonly classes: SceneClasses;
  /** Most patches of a bank: each training picture, or copy of one, gives as many. */
  readonly bank: number;
  /** Augmented copies of each training picture; 0 takes the picture as it is. @default 0; the paper takes 1, and 8 in its few-shot runs */
  readonly augmentationEpochs?: number;
  readonly runtime?: LinalgOptions;
  readonly onProgress?: OnProgress;
}

/** Which patches, and what of them. */
export interface PatchDraw {
  readonly seed: number;
  readonly features: PatchFeatures;
}

export interface DrawnPatches {
  /** Features [m,P]. */
  readonly rows: Float32Array;
  /** Shares of the classes [m,C]. */
  readonly shares: Float32Array;
  /** Digest of each patch's picture [m]. */
  readonly pictures: readonly string[];
}

/** Places of drawn patches are filled as windows go by. */
interface Filling {
  readonly draw: PatchDraw;
  readonly rows: Float32Array;
  readonly shares: Float32Array;
  readonly pictures: string[];
}

/**
 * Those of one seed hold the same patches. Pictures are encoded once for all draws, augmented ones once for each seed. Pixels that are
 * ignored count for no class, and patches of nothing else are left out. (The paper's code counts them for class 0, which is the background of
 * Pascal VOC.)
 *
 * @param stage what progress is called
 * @throws {FungiError} INVALID_ARGUMENT for a bank of less than one patch a picture; INVALID_DATA where no pixel has a class
 */
export async function drawnPatches(
  tokens: PictureTokens,
  draws: readonly PatchDraw[],
  options: BankOptions,
  stage: string,
): Promise<DrawnPatches[]> {
  const { train, classes, augmentationEpochs: epochs = 0, onProgress } = options;
  const each = patchesPerCopy(options, tokens);
  const most = train.length * Math.max(1, epochs) * each;
  const fillings = draws.map((draw): Filling => ({
    draw,
    rows: new Float32Array(most * draw.features.dims),
    shares: new Float32Array(most * classes.count),
    pictures: [],
  }));
  // Pictures as they are do not depend on a seed.
  const seeds = epochs === 0 ? [0] : [...new Set(draws.map(({ seed }) => seed))];
  for (const [s, seed] of seeds.entries()) {
    const copies = copiesOf(train, { epochs, seed });
    const own = epochs === 0 ? fillings : fillings.filter(({ draw }) => draw.seed === seed);
    for await (const { encoded, done } of sceneWindows(tokens, copies)) {
      const labels = await Promise.all(
        encoded.copies.map((copy, i) => sharesOf(copy, encoded.looks[i]!, tokens, classes)),
      );
      for (const { draw, rows, shares, pictures } of own) {
        const { dims } = draw.features;
        const found = await draw.features.of(encoded);
        const patches = encoded.patches[0]!.length;
        encoded.copies.forEach((copy, i) => {
          for (const patch of drawPatches(labels[i]!, classes.count, each, bankStream(draw.seed, copy))) {
            const [row, at] = [i * patches + patch, pictures.length];
            rows.set(found.subarray(row * dims, (row + 1) * dims), at * dims);
            shares.set(labels[i]!.subarray(patch * classes.count, (patch + 1) * classes.count), at * classes.count);
            pictures.push(encoded.pictures[i]!.digest);
          }
        });
      }
      const total = copies.length * seeds.length;
      onProgress?.({ stage, done: s * copies.length + done, total, unit: 'rows' });
    }
  }
  if (fillings.some(({ pictures }) => pictures.length === 0))
    throw new FungiError('INVALID_DATA', 'no pixel of the training pictures has a class', {
      hint: 'Are all of them the value that --ignore names?',
    });
  return fillings.map(({ draw, rows, shares, pictures }) => ({
    rows: rows.subarray(0, pictures.length * draw.features.dims),
    shares: shares.subarray(0, pictures.length * classes.count),
    pictures,
  }));
}

/** What a picture, or a copy of one, gives to a bank. @throws {FungiError} INVALID_ARGUMENT */
function patchesPerCopy({ train, bank, augmentationEpochs = 0 }: BankOptions, { grid }: PictureTokens): number {
  if (!Number.isSafeInteger(augmentationEpochs) || augmentationEpochs < 0) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `augmentation epochs must be a whole number from 0, got ${augmentationEpochs}`,
    );
  }
  const each = Math.floor(bank / (train.length * Math.max(1, augmentationEpochs)));
  if (each >= 1) return Math.min(each, grid.rows * grid.columns);
  const copies = augmentationEpochs > 1 ? `${augmentationEpochs} copies of ` : '';
  throw new FungiError(
    'INVALID_ARGUMENT',
    `a bank of ${bank} patches is less than one of each of ${copies}${train.length} pictures`,
    {
      hint: 'Raise --bank, or take fewer pictures with --limit-train.',
    },
  );
}

/** Drawn by name, so that a picture's patches do not depend on the others. */
const bankStream = (seed: number, copy: SceneCopy): Rng =>
  Rng.stream(seed, 'scenes', 'bank', copy.name, ...copyName(copy));

/** Shares of the classes in the patches of what is seen of a picture [patches,C]. */
async function sharesOf(
  { labels }: Scene,
  { box }: SceneLook,
  { size, patch }: PictureTokens,
  { count, ignore }: SceneClasses,
): Promise<Float32Array> {
  const seen = resizeLabels(cropLabels(await readLabelImage(labels), box), size);
  return patchLabels(seen.labels, { ...size, patch, classes: count, ignore: { label: ignore } });
}
