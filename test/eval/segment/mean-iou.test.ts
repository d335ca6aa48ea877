import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { IouCounter } from '../../../src/eval/segment/mean-iou.js';
import { readGolden } from '../../support/golden.js';

interface Case {
  readonly name: string;
  readonly classes: number;
  readonly ignore: number | null;
  readonly truth: readonly number[];
  readonly predicted: readonly number[];
  readonly perClass: readonly (number | null)[];
  readonly mean: number;
}
const { iou } = (readGolden('protocols/segment.json') as { cases: { iou: readonly Case[] } }).cases;

function counted({ classes, ignore, truth, predicted }: Case): IouCounter {
  const counter = new IouCounter({ classes, ...(ignore !== null && { ignore }) });
  counter.add(truth, predicted);
  return counter;
}
const close = (value: number | null): unknown => (value === null ? null : expect.closeTo(value, 12));

describe('mean IoU', () => {
  it.each(iou)("is scikit-learn's: $name", (golden) => {
    expect(counted(golden).score()).toEqual({ perClass: golden.perClass.map(close), mean: close(golden.mean) });
  });

  it.each(iou)('is the same image by image: $name', (golden) => {
    const counter = new IouCounter({ classes: golden.classes, ignore: golden.ignore ?? 255 });
    for (let from = 0; from < golden.truth.length; from += 37) {
      counter.add(
        Uint8Array.from(golden.truth.slice(from, from + 37)),
        Int32Array.from(golden.predicted.slice(from, from + 37)),
      );
    }
    expect(counter.score()).toEqual(counted(golden).score());
  });

  it('ignores 255 when nothing else is said, wherever the prediction says', () => {
    const counter = new IouCounter({ classes: 2 });
    counter.add([0, 1, 255, 255], [0, 1, 1, 0]);
    expect(counter.score()).toEqual({ perClass: [1, 1], mean: 1 });
  });

  it('ignores a class like any other number', () => {
    const counter = new IouCounter({ classes: 3, ignore: 0 });
    counter.add([0, 0, 1, 2, 2], [1, 0, 1, 2, 0]);
    expect(counter.score()).toEqual({ perClass: [0, 1, 0.5], mean: 0.5 });
  });

  it('does not read predictions of ignored pixels', () => {
    const counter = new IouCounter({ classes: 2 });
    counter.add([0, 255], [0, 7]);
    expect(counter.score().perClass).toEqual([1, null]);
  });
});

describe('matched IoU', () => {
  it('renames predicted classes', () => {
    const counter = new IouCounter({ classes: 3 });
    counter.add([0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 0]);
    expect(counter.score().mean).toBe(0);
    // 0 ← 2, 1 ← 0 (2 of 3), 2 ← 1 (1 of 2).
    const { perClass, mean } = counter.matchedScore();
    expect(perClass).toEqual([1, 2 / 3, 1 / 2]);
    expect(mean).toBeCloseTo((1 + 2 / 3 + 1 / 2) / 3, 12);
  });

  it('is the best of all renamings', () => {
    const pixels = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: 6, maxLength: 40 });
    const renamings = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    fc.assert(
      fc.property(pixels, (some) => {
        // All classes are there, so that each mean is over three.
        const all = [...some, [0, 0], [1, 1], [2, 2]] as const;
        const truth = all.map(([one]) => one);
        const means = renamings.map((renaming) => {
          const counter = new IouCounter({ classes: 3 });
          counter.add(
            truth,
            all.map(([, other]) => renaming[other]!),
          );
          return counter.score().mean;
        });
        const counter = new IouCounter({ classes: 3 });
        counter.add(
          truth,
          all.map(([, other]) => other),
        );
        expect(counter.matchedScore().mean).toBeCloseTo(Math.max(...means), 12);
      }),
      { seed: 6 },
    );
  });
});

describe('the counter refuses', () => {
  it.each([
    ['unequal lengths', [0, 1], [0], 'INVALID_ARGUMENT', /2 pixels, but 1 predictions/],
    ['a true class that is none', [0, 2], [0, 0], 'INVALID_DATA', /truth of pixel 1 is 2, classes are 0 to 1/],
    ['a predicted class that is none', [0, 1], [0, -1], 'INVALID_DATA', /prediction of pixel 1 is -1/],
    ['half a class', [0.5], [0], 'INVALID_DATA', /truth of pixel 0 is 0.5/],
  ])('%s, and counts nothing of the image', (_, truth, predicted, code, message) => {
    const counter = new IouCounter({ classes: 2 });
    counter.add([0, 1], [0, 0]);
    const before = counter.score();
    expect(() => {
      counter.add(truth, predicted);
    }).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error);
    expect(counter.score()).toEqual(before);
  });

  it('a score of nothing, and no classes', () => {
    const counter = new IouCounter({ classes: 2 });
    counter.add([255], [0]);
    expect(() => counter.score()).toThrow(expect.objectContaining({ code: 'INVALID_DATA' }) as Error);
    expect(() => counter.matchedScore()).toThrow(expect.objectContaining({ code: 'INVALID_DATA' }) as Error);
    expect(() => new IouCounter({ classes: 0 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });
});
