import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { labelMap } from '../../../src/eval/segment/label-map.js';
import { PatchBank } from '../../../src/eval/segment/patch-bank.js';
import { patchLabels } from '../../../src/eval/segment/patch-labels.js';
import { readGolden, relativeError, values, type GoldenArray } from '../../support/golden.js';

interface Case extends Readonly<Record<'queries' | 'bank' | 'shares' | 'decoded' | 'upsampled', GoldenArray>> {
  readonly k: number;
  readonly temperature: number;
  readonly grid: readonly [number, number];
  readonly height: number;
  readonly width: number;
  readonly map: readonly number[];
}
const { decode } = (readGolden('protocols/segment.json') as { cases: { decode: readonly Case[] } }).cases;

const floats = (array: GoldenArray): Float32Array => Float32Array.from(values(array));
const bankOf = ({ bank, shares }: Case): Promise<PatchBank> =>
  PatchBank.create({ rows: floats(bank), dims: bank.shape[1]! }, { values: floats(shares), classes: shares.shape[1]! });
const failing = (code: string, message: RegExp): Error =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

describe('labels of patches', () => {
  it('are shares of the classes', () => {
    const labels = [
      [0, 0, 1, 2],
      [0, 1, 1, 1],
      [2, 2, 255, 0],
      [2, 2, 1, 255],
    ].flat();
    const shares = patchLabels(labels, { height: 4, width: 4, patch: 2, classes: 3 });
    expect([...shares]).toEqual([0.75, 0.25, 0, 0, 0.75, 0.25, 0, 0, 1, 0.75, 0.25, 0]);
    const other = patchLabels(labels, { height: 4, width: 4, patch: 2, classes: 3, ignore: { label: 255, as: 2 } });
    expect([...other.slice(9)]).toEqual([0.25, 0.25, 0.5]);
    const none = patchLabels(labels, { height: 4, width: 4, patch: 2, classes: 3, ignore: { label: 255 } });
    expect([...none.slice(9)]).toEqual([0.25, 0.25, 0]);
  });

  it('sum to 1, and to the pixels of each class', () => {
    const sizes = fc.record({
      rows: fc.integer({ min: 1, max: 4 }),
      columns: fc.integer({ min: 1, max: 4 }),
      patch: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat(3)), ({ rows, columns, patch }, stream) => {
        const [height, width] = [rows * patch, columns * patch];
        const labels = Array.from({ length: height * width }, () => stream.next().value as number);
        const shares = patchLabels(labels, { height, width, patch, classes: 4 });
        expect(shares).toHaveLength(rows * columns * 4);
        for (let p = 0; p < rows * columns; p++) {
          expect(shares.subarray(p * 4, p * 4 + 4).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
        }
        for (let c = 0; c < 4; c++) {
          const pixels = shares.reduce((sum, share, at) => sum + (at % 4 === c ? share * patch * patch : 0), 0);
          expect(pixels).toBeCloseTo(labels.filter((label) => label === c).length, 4);
        }
      }),
      { seed: 7, numRuns: 50 },
    );
  });

  const good = { height: 2, width: 2, patch: 2, classes: 2 };
  it.each([
    [
      'half a patch',
      [0, 0, 0, 0, 0, 0],
      { ...good, height: 3 },
      'INVALID_ARGUMENT',
      /3 × 2 pixels are not made of patches of 2/,
    ],
    ['a missing pixel', [0, 0, 0], good, 'INVALID_ARGUMENT', /3 labels are not 2 × 2/],
    ['no classes', [0, 0, 0, 0], { ...good, classes: 0 }, 'INVALID_ARGUMENT', /classes must be a positive integer/],
    ['a class that is none', [0, 0, 2, 0], good, 'INVALID_DATA', /label of pixel 2 is 2, classes are 0 to 1/],
  ])('refuse %s', (_, labels, options, code, message) => {
    expect(() => patchLabels(labels, options)).toThrow(failing(code, message));
  });
});

describe('the patch bank', () => {
  it.each(decode)('decodes as the published attention does: k = $k, temperature $temperature', async (golden) => {
    const decoded = await (await bankOf(golden)).decode(floats(golden.queries), golden);
    expect(relativeError(decoded, values(golden.decoded))).toBeLessThan(1e-6);
  });

  it("has the paper's k and temperature when nothing else is said", async () => {
    const golden = decode[0]!;
    expect([golden.k, golden.temperature]).toEqual([30, 0.02]);
    const bank = await bankOf(golden);
    expect(await bank.decode(floats(golden.queries))).toEqual(await bank.decode(floats(golden.queries), golden));
  });

  it('copies the nearest patch when it is cold, and averages when it is hot', async () => {
    const golden = decode[1]!;
    const bank = await bankOf(golden);
    const queries = floats(golden.queries);
    const nearest = await bank.decode(queries, { k: 1 });
    expect(relativeError(await bank.decode(queries, { k: 7, temperature: 1e-6 }), nearest)).toBeLessThan(1e-6);
    const shares = values(golden.shares);
    const mean = [0, 1, 2].map(
      (c) => shares.filter((_, at) => at % 3 === c).reduce((sum, share) => sum + share, 0) / 60,
    );
    const all = await bank.decode(queries, { k: 1000, temperature: 1e6 });
    expect(relativeError(all, Array.from({ length: 6 }, () => mean).flat())).toBeLessThan(1e-5);
  });

  it('does not depend on the length of vectors', async () => {
    const golden = decode[0]!;
    const bank = await bankOf(golden);
    const queries = floats(golden.queries);
    const longer = await bank.decode(
      queries.map((value) => value * 8),
      golden,
    );
    expect(relativeError(longer, await bank.decode(queries, golden))).toBeLessThan(1e-6);
  });

  const patches = { rows: Float32Array.of(1, 0, 0, 1), dims: 2 };
  it.each([
    [
      'shares that do not fit',
      patches,
      { values: new Float32Array(3), classes: 2 },
      'INVALID_ARGUMENT',
      /3 shares are not 2 patches of 2/,
    ],
    [
      'no patches',
      { rows: new Float32Array(0), dims: 2 },
      { values: new Float32Array(0), classes: 2 },
      'INVALID_ARGUMENT',
      /patch: there are none/,
    ],
    [
      'a share below 0',
      patches,
      { values: Float32Array.of(1, 0, 2, -1), classes: 2 },
      'INVALID_DATA',
      /patch 1 has a share of -1 of class 1/,
    ],
    [
      'NaN',
      { rows: Float32Array.of(1, NaN), dims: 2 },
      { values: Float32Array.of(1), classes: 1 },
      'INVALID_VECTOR',
      /patch 0 holds NaN at position 1/,
    ],
  ])('refuses %s', async (_, some, shares, code, message) => {
    await expect(PatchBank.create(some, shares)).rejects.toThrow(failing(code, message));
  });

  it('refuses to decode with no neighbours, without warmth, or patches of another width', async () => {
    const bank = await PatchBank.create(patches, { values: Float32Array.of(1, 0), classes: 1 });
    const query = Float32Array.of(1, 1);
    await expect(bank.decode(query, { k: 0 })).rejects.toThrow(failing('INVALID_ARGUMENT', /k is 0/));
    await expect(bank.decode(query, { temperature: 0 })).rejects.toThrow(
      failing('INVALID_ARGUMENT', /temperature must be above 0, got 0/),
    );
    await expect(bank.decode(Float32Array.of(1))).rejects.toThrow(failing('INVALID_VECTOR', /vectors of 2/));
  });
});

describe('the label map', () => {
  it.each(decode)(
    'is the largest of the interpolated shares: $height × $width',
    ({ decoded, grid: [rows, columns], height, width, map }) => {
      const options = { grid: { rows, columns }, classes: decoded.shape[1]!, height, width };
      expect([...labelMap(floats(decoded), options)]).toEqual(map);
    },
  );

  it.each(decode)(
    'weighs patches by their distance: $height × $width',
    ({ decoded, upsampled, grid: [rows, columns], height, width }) => {
      // Whether a class beats a constant says where its interpolated share lies.
      const [classes, pixels] = [decoded.shape[1]!, height * width];
      const shares = values(decoded);
      for (let c = 0; c < classes; c++) {
        for (const level of [0.1, 0.2, 0.4, 0.7]) {
          const against = Float32Array.from({ length: rows * columns * 2 }, (_, at) =>
            at % 2 === 0 ? level : shares[(at >> 1) * classes + c]!,
          );
          const map = labelMap(against, { grid: { rows, columns }, classes: 2, height, width });
          const expected = values(upsampled).subarray(c * pixels, (c + 1) * pixels);
          map.forEach((label, i) => {
            if (Math.abs(expected[i]! - level) > 1e-6) expect(label).toBe(expected[i]! > level ? 1 : 0);
          });
        }
      }
    },
  );

  it('undoes patchLabels where patches are of one class', () => {
    const labels = [0, 0, 1, 1, 0, 0, 1, 1].map((label) => label * 2);
    const shares = patchLabels(labels, { height: 2, width: 4, patch: 2, classes: 3 });
    expect([...labelMap(shares, { grid: { rows: 1, columns: 2 }, classes: 3, height: 2, width: 4 })]).toEqual(labels);
  });

  it('takes the first of equal classes', () => {
    expect([
      ...labelMap(Float32Array.of(0.2, 0.4, 0.4), { grid: { rows: 1, columns: 1 }, classes: 3, height: 1, width: 2 }),
    ]).toEqual([1, 1]);
  });

  it.each([
    ['shares of another size', new Float32Array(5), {}, /5 shares are not 1 × 2 patches of 3/],
    ['a map without pixels', new Float32Array(6), { height: 0 }, /height must be a positive integer, got 0/],
  ])('refuses %s', (_, shares, changes, message) => {
    const options = { grid: { rows: 1, columns: 2 }, classes: 3, height: 2, width: 2, ...changes };
    expect(() => labelMap(shares, options)).toThrow(failing('INVALID_ARGUMENT', message));
  });
});
