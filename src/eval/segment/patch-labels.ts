import { FungiError } from '../../core/errors.js';

export interface PatchLabelOptions {
  /** Of the label map, in pixels, as the two below. */
  readonly height: number;
  readonly width: number;
  /** Side of a patch; height and width are multiples of it. */
  readonly patch: number;
  /** C: classes are 0 … C − 1. */
  readonly classes: number;
  /**
   * Pixels that have no class, and the class they count for: none, where `as` is absent.
   *
   * @default 255 counts for 0, the background, as in the paper's code
   */
  readonly ignore?: { readonly label: number; readonly as?: number };
}

const IGNORED = { label: 255, as: 0 } as const;

/**
 * Shares of the classes in each patch of an image: the labels of a memory bank (Balažević et al. 2023).
 *
 * @param labels class of each pixel, row by row [height·width]
 * @returns [patches,C], patches row by row; a patch's shares sum to 1, less what its pixels without a class take
 * @throws {FungiError} INVALID_ARGUMENT when the sizes do not fit each other; INVALID_DATA for a number that is no class
 */
export function patchLabels(labels: ArrayLike<number>, options: PatchLabelOptions): Float32Array {
  const { height, width, patch, classes, ignore = IGNORED } = options;
  for (const [name, size] of Object.entries({ height, width, patch, classes })) {
    if (Number.isSafeInteger(size) && size >= 1) continue;
    throw new FungiError('INVALID_ARGUMENT', `${name} must be a positive integer, got ${size}`);
  }
  if (height % patch !== 0 || width % patch !== 0) {
    throw new FungiError('INVALID_ARGUMENT', `${height} × ${width} pixels are not made of patches of ${patch}`);
  }
  if (labels.length !== height * width) {
    throw new FungiError('INVALID_ARGUMENT', `${labels.length} labels are not ${height} × ${width}`);
  }
  const columns = width / patch;
  const counts = new Float32Array((height / patch) * columns * classes);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] === ignore.label ? ignore.as : labels[i]!;
    if (label === undefined) continue;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new FungiError('INVALID_DATA', `label of pixel ${i} is ${label}, classes are 0 to ${classes - 1}`, {
        details: { pixel: i, label, classes },
      });
    }
    const at = Math.floor(i / width / patch) * columns + Math.floor((i % width) / patch);
    counts[at * classes + label]!++;
  }
  return counts.map((count) => count / (patch * patch));
}
