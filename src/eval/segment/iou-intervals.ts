/**
 * How sure a mean IoU is: 95 % intervals over test pictures. IoU is a quotient of sums over pictures, no mean over them, so whole pictures are
 * drawn anew and it is computed of each draw.
 *
 * Axes: S seeds, n test pictures, C classes, R resamples.
 */
import { FungiError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { Interval } from '../../core/wilson.js';
import { middle } from '../measures/intervals.js';
import type { ClassPixels } from './mean-iou.js';

/** IoU of each resample, the mean over seeds. */
export interface ResampledIou {
  /** Mean over the classes that are there [R]. */
  readonly mean: Float64Array;
  /** Of each class; NaN where no seed has it, in truth or prediction [C][R]. */
  readonly perClass: readonly Float64Array[];
}

const RESAMPLES = 2000;

/**
 * Every method meets the same pictures in a resample, so that differences between methods are of pairs.
 *
 * @param methods pixels of each test picture by class, of each seed [methods][S][n]
 * @throws {FungiError} INVALID_ARGUMENT when there are no pictures, or not as many everywhere
 */
export function resampledIou(
  methods: readonly (readonly (readonly ClassPixels[])[])[],
  rng: Rng,
  resamples: number = RESAMPLES,
): ResampledIou[] {
  const runs = methods.flat();
  const n = runs[0]?.length ?? 0;
  if (n === 0 || methods.some((seeds) => seeds.length === 0) || runs.some((pictures) => pictures.length !== n)) {
    throw new FungiError('INVALID_ARGUMENT', 'intervals need test pictures, the same of every method and seed');
  }
  const C = runs[0]![0]!.both.length;
  const packed = methods.map((seeds) => seeds.map((pictures) => pictures.map(pack)));
  const found = methods.map(() => ({
    mean: new Float64Array(resamples),
    perClass: Array.from({ length: C }, () => new Float64Array(resamples)),
  }));
  const [sums, picks] = [new Float64Array(3 * C), new Int32Array(n)];
  for (let r = 0; r < resamples; r++) {
    for (let i = 0; i < n; i++) picks[i] = Math.floor(rng.float() * n);
    packed.forEach((seeds, m) => {
      const scores = seeds.map((pictures) => {
        sums.fill(0);
        for (const pick of picks) {
          const own = pictures[pick]!;
          for (let at = 0; at < sums.length; at++) sums[at]! += own[at]!;
        }
        return iouOf(sums, C);
      });
      found[m]!.mean[r] = meanOfThere(scores.map(meanOfThere));
      found[m]!.perClass.forEach((values, c) => (values[r] = meanOfThere(scores.map((each) => each[c]!))));
    });
  }
  return found;
}

/** The middle 95 %, of resamples that have a value; undefined where none has. */
export function intervalOf(values: Float64Array): Interval | undefined {
  const there = values.filter((value) => !Number.isNaN(value));
  return there.length === 0 ? undefined : middle(there);
}

/** [both, truth, predicted], [3C]. */
const pack = ({ both, truth, predicted }: ClassPixels): Float64Array =>
  Float64Array.of(...both, ...truth, ...predicted);

/** NaN for a class that is not there [C]. */
const iouOf = (sums: Float64Array, C: number): number[] =>
  Array.from({ length: C }, (_, c) => sums[c]! / (sums[C + c]! + sums[2 * C + c]! - sums[c]!));

/** NaN where there is nothing. */
function meanOfThere(values: readonly number[]): number {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}
