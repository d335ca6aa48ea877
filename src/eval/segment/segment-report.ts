/** Segmentations by feature set: IoU with intervals, and what a set gains over the first. */
import { Rng } from '../../core/rng.js';
import type { Interval } from '../../core/wilson.js';
import { intervalOf, resampledIou, type ResampledIou } from './iou-intervals.js';
import type { SegmentRun } from './segment-scenes.js';

/** An IoU, the mean over seeds, with its 95 % interval over test pictures. */
export interface MeasuredIou extends Interval {
  readonly iou: number;
}

/** What a feature set gains, paired by test picture. */
export interface IouGain extends Interval {
  readonly difference: number;
}

export interface SegmentSummary {
  readonly features: string;
  readonly mean: MeasuredIou;
  /** With classes renamed for the greatest sum. */
  readonly matchedMeanIou: number;
  /** By name; null for a class that is in neither truth nor prediction. */
  readonly perClass: Readonly<Record<string, MeasuredIou | null>>;
  /** Of all sets but the first. */
  readonly gain?: {
    /** The first set. */
    readonly over: string;
    readonly mean: IouGain;
    /** Null for a class that either set has nothing of. */
    readonly perClass: Readonly<Record<string, IouGain | null>>;
  };
}

/**
 * Seeds are averaged, not drawn: intervals say how much the test pictures decide, not how much the draw of the bank does.
 *
 * @param runs of each set and seed, as `segmentScenes` gives them; sets in the order of their first run
 * @param classes names by number; undefined for a number that is ignored [C]
 * @throws {FungiError} INVALID_ARGUMENT when there are no runs
 */
export function summariseSegments(
  runs: readonly SegmentRun[],
  classes: readonly (string | undefined)[],
): SegmentSummary[] {
  const sets = [...new Set(runs.map(({ name }) => name))];
  const own = sets.map((set) => runs.filter(({ name }) => name === set));
  const resampled = resampledIou(
    own.map((seeds) => seeds.map(({ pictures }) => pictures)),
    Rng.stream(0, 'scenes', 'intervals'),
  );
  return sets.map((features, s) => {
    const perClass = byName(classes, (c) => measured(classIou(own[s]!, c), resampled[s]!.perClass[c]!));
    return {
      features,
      mean: measured(average(own[s]!.map(({ iou }) => iou.mean)), resampled[s]!.mean)!,
      matchedMeanIou: average(own[s]!.map(({ matched }) => matched.mean))!,
      perClass,
      ...(s > 0 && { gain: gainOf([own[0]!, own[s]!], [resampled[0]!, resampled[s]!], classes) }),
    };
  });
}

function gainOf(
  [first, own]: readonly [readonly SegmentRun[], readonly SegmentRun[]],
  [before, after]: readonly [ResampledIou, ResampledIou],
  classes: readonly (string | undefined)[],
): NonNullable<SegmentSummary['gain']> {
  const gain = (from: number | undefined, to: number | undefined, a: Float64Array, b: Float64Array): IouGain | null => {
    const interval = intervalOf(b.map((value, r) => value - a[r]!));
    return from === undefined || to === undefined || interval === undefined
      ? null
      : { difference: to - from, ...interval };
  };
  const means = [first, own].map((seeds) => average(seeds.map(({ iou }) => iou.mean)));
  return {
    over: first[0]!.name,
    mean: gain(means[0], means[1], before.mean, after.mean)!,
    perClass: byName(classes, (c) =>
      gain(classIou(first, c), classIou(own, c), before.perClass[c]!, after.perClass[c]!),
    ),
  };
}

function measured(iou: number | undefined, resamples: Float64Array): MeasuredIou | null {
  const interval = intervalOf(resamples);
  return iou === undefined || interval === undefined ? null : { iou, ...interval };
}

/** Over the seeds that have the class. */
const classIou = (seeds: readonly SegmentRun[], c: number): number | undefined =>
  average(seeds.flatMap(({ iou }) => iou.perClass[c] ?? []));

const average = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

const byName = <T>(classes: readonly (string | undefined)[], of: (c: number) => T): Record<string, T> =>
  Object.fromEntries(classes.flatMap((name, c) => (name === undefined ? [] : [[name, of(c)] as const])));
