import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { Pca, PcaFitter } from '../../src/reduce/pca.js';
import { readGolden, values, type GoldenArray } from '../support/golden.js';

interface Golden extends Record<'rows' | 'mean' | 'components' | 'variance' | 'transformed', GoldenArray> {
  readonly totalVariance: number;
}
const golden = readGolden('pca/pca.json') as Golden;
const rows = Float32Array.from(values(golden.rows));
const [n, F] = golden.rows.shape as [number, number];
const P = golden.variance.shape[0]!;

async function fit(pieces: readonly Float32Array[], width: number, dims: number): Promise<Pca> {
  const fitter = new PcaFitter(width);
  for (const piece of pieces) await fitter.add(piece);
  return fitter.fit(dims);
}

/** Largest |a − b| over the largest |b|. */
function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    size = Math.max(size, Math.abs(b[i]!));
  }
  return difference / size;
}

/** Rows [count,width] of falling variance. */
const sample = (count: number, width: number, seed: number): Float32Array =>
  Rng.stream(seed, 'pca')
    .uniform(count * width, 1)
    .map((value, i) => value / (1 + (i % width)));

describe('PCA', () => {
  it("agrees with NumPy's", async () => {
    const pca = await fit([rows], F, P);
    expect(pca).toMatchObject({ dims: P, rows: n, centredOnly: false });
    expect(worst(pca.mean, values(golden.mean))).toBeLessThan(1e-7);
    expect(worst(pca.components, values(golden.components))).toBeLessThan(1e-6);
    expect(worst(pca.variance, values(golden.variance))).toBeLessThan(1e-6);
    expect(pca.totalVariance / golden.totalVariance).toBeCloseTo(1, 10);
    // A mean of 300 in float32 leaves 1.5e-5 of a value near 1.
    expect(worst(await pca.transform(rows), values(golden.transformed))).toBeLessThan(5e-5);
  });

  it('gives the same bits however the rows are cut into pieces, also across blocks', async () => {
    const [count, width] = [2500, 30];
    const all = sample(count, width, 1);
    const whole = await fit([all], width, 8);
    const cuts = [0, 1, 1, 700, 1024, 1025, 2499, 2500];
    const pieces = cuts.slice(1).map((end, i) => all.subarray(cuts[i]! * width, end * width));
    expect(await fit(pieces, width, 8)).toEqual(whole);
  });

  it('does not depend on the order of the rows, to 1e-6', async () => {
    const reversed = new Float32Array(rows.length);
    for (let i = 0; i < n; i++) reversed.set(rows.subarray(i * F, (i + 1) * F), (n - 1 - i) * F);
    const [one, other] = [await fit([rows], F, P), await fit([reversed], F, P)];
    expect(worst(other.components, one.components)).toBeLessThan(1e-6);
    expect(worst(other.variance, one.variance)).toBeLessThan(1e-6);
  });

  it('ignores a shift of all rows, even one of a thousand deviations', async () => {
    const width = 24;
    // Eighths, so that adding 4096 is exact in float32.
    const small = sample(300, width, 2).map((value) => Math.round(value * 64) / 8);
    const shifted = small.map((value) => value + 4096);
    const [one, other] = [await fit([small], width, 4), await fit([shifted], width, 4)];
    expect(worst(other.components, one.components)).toBeLessThan(1e-6);
    // A float32 mean near 4096 is off by up to 2.4e-4, by the same for every row: differences are what counts.
    const differences = (reduced: Float32Array): Float32Array => reduced.map((value, i) => value - reduced[i % 4]!);
    const moved = differences(await other.transform(shifted));
    expect(worst(moved, differences(await one.transform(small)))).toBeLessThan(1e-4);
  });

  it('keeps distances within the span and reports the share of variance it keeps', async () => {
    const width = 40;
    const flat = sample(200, width, 3).map((value, i) => (i % width < 5 ? value : 0.5));
    const pca = await fit([flat], width, 5);
    expect(pca.explained).toBeCloseTo(1, 6);
    const reduced = await pca.transform(flat);
    const distance = (data: Float32Array, size: number): number =>
      Math.hypot(...Array.from({ length: size }, (_, j) => data[j]! - data[size + j]!));
    expect(distance(reduced, 5)).toBeCloseTo(distance(flat, width), 5);
    const half = await fit([sample(200, width, 4)], width, 2);
    const kept = half.variance.reduce((sum, value) => sum + value, 0) / half.totalVariance;
    expect(half.explained).toBeCloseTo(kept, 12);
    expect(half.explained).toBeLessThan(0.95);
  });

  it.each([
    ['as few rows as dimensions', 6, 9, 6],
    ['features no wider than P', 50, 6, 6],
    ['a single row', 1, 4, 3],
  ])('only centres with %s', async (_, count, width, dims) => {
    const some = sample(count, width, 5).map((value) => value + 2);
    const pca = await fit([some], width, dims);
    expect(pca).toMatchObject({ centredOnly: true, dims: width, explained: 1, rows: count });
    const centred = await pca.transform(some);
    expect(centred).toHaveLength(some.length);
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += centred[i * width + j]!;
      expect(Math.abs(sum)).toBeLessThan(1e-5);
    }
  });

  it('takes identical rows: nothing varies, nothing breaks', async () => {
    const pca = await fit([new Float32Array(50 * 30).fill(0.1)], 30, 4);
    expect(pca.explained).toBe(1);
    expect(pca.variance.every((value) => value >= 0 && value < 1e-15)).toBe(true);
    expect((await pca.transform(new Float32Array(30).fill(0.1))).every(Number.isFinite)).toBe(true);
  });

  it('names the row that is not finite, counted over all pieces, and takes nothing in', async () => {
    const fitter = new PcaFitter(2);
    await fitter.add(Float32Array.of(1, 2, 3, 5, 4, 4));
    await expect(fitter.add(Float32Array.of(1, 2, 3, NaN))).rejects.toMatchObject({
      code: 'INVALID_VECTOR',
      message: expect.stringContaining('row 4') as string,
    });
    await expect(fitter.add(Float32Array.of(1, -Infinity))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    await expect(fitter.add(Float32Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    expect((await fitter.fit(1)).rows).toBe(3);
  });

  it('refuses to fit nothing, or to no dimension', async () => {
    await expect(new PcaFitter(3).fit(1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const fitter = new PcaFitter(3);
    await fitter.add(Float32Array.of(1, 2, 3));
    await expect(fitter.fit(0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(fitter.fit(1.5)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(() => new PcaFitter(0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('refuses to transform another width or NaN', async () => {
    const pca = await fit([sample(20, 6, 6)], 6, 2);
    await expect(pca.transform(new Float32Array(7))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    await expect(pca.transform(new Float32Array(6).fill(NaN))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    expect(await pca.transform(new Float32Array(0))).toHaveLength(0);
  });
});
