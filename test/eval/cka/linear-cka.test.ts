import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Rng } from '../../../src/core/rng.js';
import { ckaMatrix, linearCka } from '../../../src/eval/cka/linear-cka.js';
import type { FeatureMatrix } from '../../../src/eval/features/labelled-features.js';
import { readGolden, values, type GoldenArray } from '../../support/golden.js';

interface Case {
  readonly name: string;
  readonly a: GoldenArray;
  readonly b: GoldenArray;
  readonly cka: number;
}
const { cases } = readGolden('protocols/cka.json') as { cases: readonly Case[] };

const featuresOf = (array: GoldenArray): FeatureMatrix => ({
  rows: Float32Array.from(values(array)),
  dims: array.shape[1]!,
});
const random = (seed: number, n: number, dims: number): FeatureMatrix => ({
  rows: Rng.stream(seed, 'cka').uniform(n * dims, 1),
  dims,
});
const scaled = ({ rows, dims }: FeatureMatrix, by: number): FeatureMatrix => ({
  rows: rows.map((value) => value * by),
  dims,
});
const failing = (code: string, message: RegExp): Error =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

/** Each pair of columns turned by the same angle, and each column moved. */
function turned({ rows, dims }: FeatureMatrix, angle: number, shift: number): FeatureMatrix {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const out = rows.map((value, at) => {
    const column = at % dims;
    if (column % 2 === 0 && column + 1 === dims) return value + shift;
    const other = rows[column % 2 === 0 ? at + 1 : at - 1]!;
    return (column % 2 === 0 ? cos * value - sin * other : cos * value + sin * other) + shift;
  });
  return { rows: out, dims };
}

describe('linear CKA', () => {
  it.each(cases)("is that of numpy's Gram matrices: $name", async ({ a, b, cka }) => {
    expect(await linearCka(featuresOf(a), featuresOf(b))).toBeCloseTo(cka, 9);
  });

  it('is symmetric, between 0 and 1, and 1 with itself, however many columns there are', async () => {
    const sizes = fc.record({
      seed: fc.nat(1000),
      n: fc.integer({ min: 2, max: 20 }),
      p: fc.integer({ min: 1, max: 30 }),
      q: fc.integer({ min: 1, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ seed, n, p, q }) => {
        const [a, b] = [random(seed, n, p), random(seed + 5000, n, q)];
        const cka = await linearCka(a, b);
        expect(cka).toBeGreaterThanOrEqual(0);
        expect(cka).toBeLessThanOrEqual(1);
        expect(await linearCka(b, a)).toBeCloseTo(cka, 10);
        expect(await linearCka(a, a)).toBeCloseTo(1, 10);
      }),
      { seed: 8, numRuns: 40 },
    );
  });

  it('does not see rotation, scale or shift', async () => {
    const input = fc.record({
      seed: fc.nat(1000),
      angle: fc.double({ min: -3, max: 3, noNaN: true }),
      scale: fc.constantFrom(1e-6, -0.5, 3, 1e6),
    });
    await fc.assert(
      fc.asyncProperty(input, async ({ seed, angle, scale }) => {
        const [a, b] = [random(seed, 15, 4), random(seed + 5000, 15, 3)];
        const cka = await linearCka(a, b);
        expect(await linearCka(scaled(turned(a, angle, 1.5), scale), b)).toBeCloseTo(cka, 5);
        expect(await linearCka(turned(a, angle, 0), a)).toBeCloseTo(1, 5);
      }),
      { seed: 9, numRuns: 40 },
    );
  });

  it('sees that columns are stretched unequally', async () => {
    const a = random(3, 30, 2);
    const stretched = { ...a, rows: a.rows.map((value, at) => (at % 2 === 0 ? value * 10 : value)) };
    expect(await linearCka(a, stretched)).toBeLessThan(0.95);
  });
});

describe('the CKA matrix', () => {
  it('is linear CKA of each pair', async () => {
    const features = [random(1, 12, 3), random(2, 12, 30), random(3, 12, 7), scaled(random(1, 12, 3), 4)];
    const matrix = await ckaMatrix(features);
    for (const [i, row] of matrix.entries()) {
      for (const [j, cka] of row.entries()) expect(cka).toBeCloseTo(await linearCka(features[i]!, features[j]!), 12);
      expect(row[i]).toBe(1);
    }
    expect(matrix[0]![3]).toBeCloseTo(1, 10);
    expect(matrix[0]![1]).toBeLessThan(0.9);
  });

  it('refuses no features', async () => {
    await expect(ckaMatrix([])).rejects.toThrow(failing('INVALID_ARGUMENT', /no features/));
  });
});

describe('linear CKA refuses', () => {
  const good = random(1, 3, 2);

  it.each([
    ['other items', random(2, 4, 2), 'INVALID_ARGUMENT', /features 1 have 4 rows, features 0 have 3/],
    [
      'rows that are all alike',
      { rows: new Float32Array(6).fill(0.1), dims: 2 },
      'INVALID_DATA',
      /features 1 have the same vector for all 3 items/,
    ],
    ['rows of zeros', { rows: new Float32Array(6), dims: 2 }, 'INVALID_DATA', /features 1 have the same vector/],
    ['no rows', { rows: new Float32Array(0), dims: 2 }, 'INVALID_ARGUMENT', /features 1, row: there are none/],
    [
      'NaN',
      { rows: Float32Array.of(0, 1, 2, 3, 4, NaN), dims: 2 },
      'INVALID_VECTOR',
      /features 1, row 2 holds NaN at position 1/,
    ],
  ])('%s', async (_, bad, code, message) => {
    await expect(linearCka(good, bad)).rejects.toThrow(failing(code, message));
    await expect(ckaMatrix([good, bad])).rejects.toThrow(failing(code, message));
  });

  it('one item', async () => {
    await expect(linearCka(random(1, 1, 2), random(2, 1, 2))).rejects.toThrow(
      failing('INVALID_DATA', /for all 1 items/),
    );
  });
});
