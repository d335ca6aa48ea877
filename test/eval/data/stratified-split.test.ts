import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FungiError } from '../../../src/core/errors.js';
import { normaliseText } from '../../../src/core/text.js';
import { stratifiedSplit } from '../../../src/eval/data/stratified-split.js';

interface LabelledText {
  readonly input: string;
  readonly label: string;
}

const distinct = (sizes: Readonly<Record<string, number>>): LabelledText[] =>
  Object.entries(sizes).flatMap(([label, size]) =>
    Array.from({ length: size }, (_, i) => ({ input: `${label} ${i}`, label })),
  );

function countsOf(rows: readonly LabelledText[], numbers: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of numbers) counts[rows[row]!.label] = (counts[rows[row]!.label] ?? 0) + 1;
  return counts;
}

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (FungiError.is(error, 'INVALID_ARGUMENT')) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('stratifiedSplit', () => {
  it("holds out every class's share by largest remainder", () => {
    const rows = distinct({ ABBR: 86, DESC: 1162, ENTY: 1250, HUM: 1223, LOC: 835, NUM: 896 });
    const { train, test, moved } = stratifiedSplit(rows, { fraction: 0.2, seed: 0 });
    // 0.2 · [86, 1162, 1250, 1223, 835, 896] = [17.2, 232.4, 250, 244.6, 167, 179.2], 1,090 in all
    expect(countsOf(rows, test)).toEqual({ ABBR: 17, DESC: 232, ENTY: 250, HUM: 245, LOC: 167, NUM: 179 });
    expect([train.length, moved]).toEqual([rows.length - 1090, 0]);
  });

  it('keeps the only row of a class, and a row of each', () => {
    const rows = distinct({ a: 1, b: 2, c: 2 });
    const { train, test } = stratifiedSplit(rows, { count: 2, seed: 0 });
    expect(countsOf(rows, train)).toEqual({ a: 1, b: 1, c: 1 });
    expect(countsOf(rows, test)).toEqual({ b: 1, c: 1 });
  });

  it('keeps texts together that differ by case and spaces, and counts them', () => {
    const rows = [...distinct({ a: 20, b: 20 }), { input: 'A  0', label: 'a' }, { input: ' b 3', label: 'a' }];
    for (let seed = 0; seed < 20; seed++) {
      const { test, moved } = stratifiedSplit(rows, { fraction: 0.5, seed });
      const sides = [
        [0, 40],
        [23, 41],
      ].map((pair) => pair.map((row) => test.includes(row)));
      expect(sides.map(([one, other]) => one === other)).toEqual([true, true]);
      expect(moved).toBe(2);
    }
  });

  it('gives a class back whose rows all went with those of another', () => {
    // "c" has no text of its own: its row goes wherever "a 0" goes.
    const rows = [...distinct({ a: 4, b: 4 }), { input: 'A 0', label: 'c' }];
    for (let seed = 0; seed < 30; seed++) {
      expect(countsOf(rows, stratifiedSplit(rows, { fraction: 0.5, seed }).train)['c']).toBe(1);
    }
  });

  it('depends on the seed and on nothing else', () => {
    const rows = distinct({ a: 30, b: 10 });
    const draw = (seed: number) => stratifiedSplit(rows, { fraction: 0.3, seed });
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it.each([
    [{ fraction: 0 }, 'the share to hold out must lie between 0 and 1, got 0'],
    [{ fraction: 1 }, 'the share to hold out must lie between 0 and 1, got 1'],
    [{ fraction: NaN }, 'the share to hold out must lie between 0 and 1, got NaN'],
    [{ count: 0 }, 'the number of texts to hold out must be a positive integer, got 0'],
    [{ count: 1.5 }, 'the number of texts to hold out must be a positive integer, got 1.5'],
    [{ count: 4 }, 'cannot hold out 4 of 5 different texts: from 1 to 3 can be, so that each of 2 classes keeps one'],
    [
      { fraction: 0.9 },
      'cannot hold out a share of 0.9 of 5 different texts: from 1 to 3 can be, so that each of 2 classes keeps one',
    ],
  ])('refuses %j', (heldOut, message) => {
    const rows = distinct({ a: 3, b: 2 });
    expect(refusal(() => stratifiedSplit(rows, { ...heldOut, seed: 0 }))).toBe(message);
  });

  const word = fc.constantFrom('a', 'A', 'b', ' b', 'c d', 'C  D', 'e', 'f', 'g', 'h', 'i', 'j');
  const someRows = fc.array(fc.record({ input: word, label: fc.constantFrom('x', 'y', 'z', '__proto__') }), {
    minLength: 4,
    maxLength: 40,
  });

  it('leaves no text on both sides, no row out and no class without a training row', () => {
    let tried = 0;
    fc.assert(
      fc.property(someRows, fc.double({ min: 0.01, max: 0.6, noNaN: true }), fc.integer(), (rows, fraction, seed) => {
        let split;
        try {
          split = stratifiedSplit(rows, { fraction, seed });
        } catch (error) {
          if (FungiError.is(error, 'INVALID_ARGUMENT')) return;
          throw error;
        }
        tried++;
        const { train, test, moved } = split;
        expect([...train, ...test].sort((a, b) => a - b)).toEqual(rows.map((_, row) => row));
        const [inTrain, inTest] = [train, test].map(
          (side) => new Set(side.map((row) => normaliseText(rows[row]!.input))),
        );
        expect([...inTest!].filter((text) => inTrain!.has(text))).toEqual([]);
        expect(new Set(train.map((row) => rows[row]!.label))).toEqual(new Set(rows.map(({ label }) => label)));
        expect(moved).toBe(rows.length - inTrain!.size - inTest!.size);
      }),
    );
    expect(tried).toBeGreaterThan(20);
  });

  it('is off the exact share of a class by less than one where no class is too small', () => {
    const sizes = fc.array(fc.integer({ min: 10, max: 60 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.double({ min: 0.1, max: 0.8, noNaN: true }), (all, fraction) => {
        const rows = distinct(Object.fromEntries(all.map((size, c) => [`c${c}`, size])));
        const counts = countsOf(rows, stratifiedSplit(rows, { fraction, seed: 0 }).test);
        const held = Math.round(fraction * rows.length);
        all.forEach((size, c) => {
          expect(Math.abs((counts[`c${c}`] ?? 0) - (held * size) / rows.length)).toBeLessThan(1);
        });
      }),
    );
  });
});
