/** Intersection over union of segmentations, pixel by pixel. Axes: C classes. */
import { mean, sum } from 'simple-statistics';
import { maxWeightAssign } from 'munkres-algorithm';
import { FungiError } from '../../core/errors.js';

export interface IouOptions {
  /** C: classes are 0 … C − 1. */
  readonly classes: number;
  /** Pixels whose truth is this number are not counted. @default 255 */
  readonly ignore?: number;
}

export interface Iou {
  /** Of each class: pixels of it that are predicted so, among those of it or predicted so; null where there are none [C]. */
  readonly perClass: readonly (number | null)[];
  /** Mean over the classes that are there, in truth or prediction. */
  readonly mean: number;
}

/** Pixels of one image by class: what intersections and unions are sums of. */
export interface ClassPixels {
  /** Pixels of the class that are predicted so [C]. */
  readonly both: Float64Array;
  /** Pixels of the class [C]. */
  readonly truth: Float64Array;
  /** Pixels predicted so [C]. */
  readonly predicted: Float64Array;
}

const IGNORED = 255;

/** Counts the pixels of one image after another: memory does not grow with them. */
export class IouCounter {
  /** Pixels by true and predicted class [C,C]. */
  private readonly counts: Float64Array;
  private readonly classes: number;
  private readonly ignore: number;

  /** @throws {FungiError} INVALID_ARGUMENT when `classes` is not a positive integer */
  constructor({ classes, ignore = IGNORED }: IouOptions) {
    if (!Number.isSafeInteger(classes) || classes < 1) {
      throw new FungiError('INVALID_ARGUMENT', `classes must be a positive integer, got ${classes}`);
    }
    this.classes = classes;
    this.ignore = ignore;
    this.counts = new Float64Array(classes * classes);
  }

  /**
   * Adds an image. All of it or, on an error, nothing.
   *
   * @param truth true class of each pixel [pixels]
   * @param predicted [pixels]
   * @returns what it adds to the score
   * @throws {FungiError} INVALID_ARGUMENT when the lists differ in length; INVALID_DATA for a number that is no class
   */
  add(truth: ArrayLike<number>, predicted: ArrayLike<number>): ClassPixels {
    if (truth.length !== predicted.length) {
      throw new FungiError('INVALID_ARGUMENT', `${truth.length} pixels, but ${predicted.length} predictions`);
    }
    const { classes, ignore, counts } = this;
    for (let i = 0; i < truth.length; i++) {
      if (truth[i] === ignore) continue;
      this.assertClass(truth[i]!, 'truth', i);
      this.assertClass(predicted[i]!, 'prediction', i);
    }
    const zeros = (): Float64Array => new Float64Array(classes);
    const own = { both: zeros(), truth: zeros(), predicted: zeros() };
    for (let i = 0; i < truth.length; i++) {
      const [t, p] = [truth[i]!, predicted[i]!];
      if (t === ignore) continue;
      counts[t * classes + p]!++;
      own.truth[t]!++;
      own.predicted[p]!++;
      if (t === p) own.both[t]!++;
    }
    return own;
  }

  /** @throws {FungiError} INVALID_DATA when no pixel was counted */
  score(): Iou {
    return this.scoreAs(Array.from({ length: this.classes }, (_, c) => c));
  }

  /**
   * The score after predicted classes are renamed to true ones, one to one, for the greatest sum of IoUs (Kuhn 1955). It is never
   * below that of {@link score} where all classes are there. The paper's segmentation code reports it: its measure is that of
   * unsupervised segmentation, where classes have no names.
   *
   * @throws {FungiError} INVALID_DATA when no pixel was counted
   */
  matchedScore(): Iou {
    const each = Array.from({ length: this.classes }, (_, c) => c);
    const { assignments } = maxWeightAssign(
      each.map((truth) => each.map((predicted) => this.iou(truth, predicted) ?? 0)),
    );
    return this.scoreAs(each.map((truth) => assignments[truth]!));
  }

  /** @param renamed for each true class the predicted class that stands for it [C] */
  private scoreAs(renamed: readonly number[]): Iou {
    const perClass = renamed.map((predicted, truth) => this.iou(truth, predicted));
    const there = perClass.filter((iou) => iou !== null);
    if (there.length === 0)
      throw new FungiError('INVALID_DATA', 'there is nothing to score: no pixels, or all are ignored');
    return { perClass, mean: mean(there) };
  }

  private iou(truth: number, predicted: number): number | null {
    const { classes, counts } = this;
    const ofClass = sum([...counts.subarray(truth * classes, (truth + 1) * classes)]);
    let claimed = 0;
    for (let c = 0; c < classes; c++) claimed += counts[c * classes + predicted]!;
    const both = counts[truth * classes + predicted]!;
    const union = ofClass + claimed - both;
    return union === 0 ? null : both / union;
  }

  private assertClass(value: number, what: string, pixel: number): void {
    if (Number.isInteger(value) && value >= 0 && value < this.classes) return;
    throw new FungiError(
      'INVALID_DATA',
      `${what} of pixel ${pixel} is ${value}, classes are 0 to ${this.classes - 1}`,
      {
        details: { pixel, value, classes: this.classes },
      },
    );
  }
}
