import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../../src/core/rng.js';
import { intervalOf, resampledIou } from '../../../src/eval/segment/iou-intervals.js';
import { IouCounter, type ClassPixels } from '../../../src/eval/segment/mean-iou.js';
import { summariseSegments } from '../../../src/eval/segment/segment-report.js';
import type { SegmentRun } from '../../../src/eval/segment/segment-scenes.js';

const C = 3;
const pixel = fc.tuple(fc.nat(C - 1), fc.nat(C - 1));
const picture = fc.array(pixel, { minLength: 1, maxLength: 12 });
type Pairs = readonly (readonly [number, number])[];

function runOf(pictures: readonly Pairs[], name = 'a', seed = 0): SegmentRun {
  const counter = new IouCounter({ classes: C });
  const own = pictures.map((pairs) =>
    counter.add(
      pairs.map(([truth]) => truth),
      pairs.map(([, predicted]) => predicted),
    ),
  );
  return { name, seed, patches: 1, iou: counter.score(), matched: counter.matchedScore(), pictures: own };
}
const pixelsOf = (pictures: readonly Pairs[]): readonly ClassPixels[] => runOf(pictures).pictures;
const rng = (): Rng => Rng.stream(0, 'test');

describe('resampled IoU', () => {
  it('of one picture is its IoU, always', () => {
    fc.assert(
      fc.property(picture, (pairs) => {
        const { iou, pictures } = runOf([pairs]);
        const [found] = resampledIou([[pictures]], rng(), 3);
        for (const value of found!.mean) expect(value).toBeCloseTo(iou.mean, 12);
        iou.perClass.forEach((value, c) => {
          for (const each of found!.perClass[c]!) {
            if (value === null) expect(each).toBeNaN();
            else expect(each).toBeCloseTo(value, 12);
          }
        });
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  it('lies around the IoU of all pictures, and more closely the more there are', () => {
    const pictures = Array.from({ length: 90 }, (_, i): Pairs => [
      [0, i % 3 === 0 ? 1 : 0],
      [1, 1],
    ]);
    const width = (count: number): number => {
      const some = pictures.slice(0, count);
      const { low, high } = intervalOf(resampledIou([[pixelsOf(some)]], rng())[0]!.mean)!;
      const { mean } = runOf(some).iou;
      expect(low).toBeLessThan(mean);
      expect(high).toBeGreaterThan(mean);
      return high - low;
    };
    expect(width(90)).toBeLessThan(width(9) / 2);
  });

  it('meets the same pictures with every method, and averages seeds', () => {
    const [a, b]: Pairs[][] = [
      [[[0, 0]], [[0, 1]], [[1, 1]]],
      [[[0, 1]], [[0, 1]], [[1, 1]]],
    ];
    const [first, again, both] = resampledIou(
      [[pixelsOf(a!)], [pixelsOf(a!)], [pixelsOf(a!), pixelsOf(b!)]],
      rng(),
      20,
    );
    expect(again).toEqual(first);
    const [second] = resampledIou([[pixelsOf(b!)]], rng(), 20);
    both!.mean.forEach((value, r) => {
      expect(value).toBeCloseTo((first!.mean[r]! + second!.mean[r]!) / 2, 12);
    });
  });

  it('is refused of no pictures, and of unequal numbers of them', () => {
    const failing = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    expect(() => resampledIou([], rng())).toThrow(failing);
    expect(() => resampledIou([[[]]], rng())).toThrow(failing);
    expect(() => resampledIou([[pixelsOf([[[0, 0]]])], [pixelsOf([[[0, 0]], [[1, 1]]])]], rng())).toThrow(failing);
  });
});

describe('the summary of segmentations', () => {
  const good = Array.from({ length: 12 }, (_, i): Pairs => [
    [0, i % 6 === 0 ? 1 : 0],
    [1, 1],
  ]);
  const bad = Array.from({ length: 12 }, (_, i): Pairs => [
    [0, i % 2 === 0 ? 1 : 0],
    [1, 1],
  ]);

  it('has means with intervals, and gains over the first set', () => {
    const [first, second] = summariseSegments([runOf(bad, 'embedding'), runOf(good, 'simclr')], ['x', 'y', 'z']);
    expect(first).not.toHaveProperty('gain');
    expect(first!.mean.iou).toBe(runOf(bad).iou.mean);
    expect(first!.perClass['z']).toBeNull();
    const { over, mean, perClass } = second!.gain!;
    expect(over).toBe('embedding');
    expect(mean.difference).toBeCloseTo(runOf(good).iou.mean - runOf(bad).iou.mean, 12);
    expect(mean.low).toBeGreaterThan(0);
    expect(mean.high).toBeGreaterThan(mean.difference);
    expect(perClass['x']!.difference).toBeGreaterThan(0);
    expect(perClass['z']).toBeNull();
  });

  it('leaves out a number that is ignored, and averages seeds', () => {
    const runs = [runOf(bad, 'embedding', 0), runOf(good, 'embedding', 1)];
    const [summary] = summariseSegments(runs, ['x', undefined, 'z']);
    expect(Object.keys(summary!.perClass)).toEqual(['x', 'z']);
    expect(summary!.mean.iou).toBeCloseTo((runs[0]!.iou.mean + runs[1]!.iou.mean) / 2, 12);
  });
});
