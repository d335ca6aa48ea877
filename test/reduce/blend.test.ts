import { describe, expect, it } from 'vitest';
import { Blend, BlendFitter, type BlendOptions } from '../../src/reduce/blend.js';
import { Lda, LdaFitter } from '../../src/reduce/lda.js';
import { PcaFitter } from '../../src/reduce/pca.js';
import type { Labels } from '../../src/reduce/reducer.js';
import { clusters, dots } from './clusters.js';

const F = 12;
const { rows, labels } = clusters({ classes: 3, each: 25, width: F, noise: 1.5 });

async function fit(from: Float32Array, own: Labels, dims: number, options: BlendOptions = {}) {
  const fitter = new BlendFitter(from.length / own.length, options);
  await fitter.add(from, own);
  return fitter.fit(dims);
}

async function fitted(...task: Parameters<typeof fit>): Promise<Blend> {
  const reducer = await fit(...task);
  if (!(reducer instanceof Blend)) throw new Error(`no blend: ${reducer.instead}`);
  return reducer;
}

/** Cosines of all rows [n,n]. */
function cosines(from: Float32Array, width: number): Float64Array {
  const gram = dots(from, width);
  const n = from.length / width;
  return gram.map((value, at) => value / Math.sqrt(gram[Math.floor(at / n) * (n + 1)]! * gram[(at % n) * (n + 1)]!));
}

describe('blend', () => {
  it.each([0.5, 0.8])('has cosines that are the mean of its parts at a share of %d', async (share) => {
    const blend = await fit(rows, labels, 7, { shrinkage: 0.2, share });
    expect(blend).toMatchObject({ dims: 7, metric: 'cosine', shrinkage: 0.2 });
    const [lda, pca] = [new LdaFitter(F, { shrinkage: 0.2 }), new PcaFitter(F)];
    await lda.add(rows, labels);
    await pca.add(rows);
    const [one, other] = [await lda.fit(2), await pca.fit(5)];
    const [a, b] = [cosines(await one.transform(rows), 2), cosines(await other.transform(rows), 5)];
    const joined = dots(await blend.transform(rows), 7);
    joined.forEach((value, at) => {
      expect(value).toBeCloseTo(share * a[at]! + (1 - share) * b[at]!, 5);
    });
  });

  it('splits into blocks where its parts read different columns', async () => {
    const first = 8;
    const [lda, pca] = [new LdaFitter(F, { shrinkage: 0.2 }), new PcaFitter(F - first)];
    await lda.add(rows, labels);
    await pca.add(rows.filter((_, at) => at % F >= first));
    const [supervised, unsupervised] = [await lda.fit(2), await pca.fit(3)];
    if (!(supervised instanceof Lda)) throw new Error('no LDA');
    const blend = new Blend(supervised, unsupervised, 0.5, first);
    // One block ends and one begins within what the PCA reads, and one lies outside.
    const blocks = [0, 6, 10].map((start, b) => ({ start, width: [6, 4, 2][b]! }));
    const [parts, out] = [await blend.parts(rows, blocks), await blend.transform(rows)];
    const dims = 5;
    out.forEach((value, at) => {
      const [row, j] = [Math.floor(at / dims), at % dims];
      const sum = blocks.reduce((total, _, b) => total + parts[(row * 3 + b) * dims + j]!, 0);
      expect(sum).toBeCloseTo(value, 5);
    });
    for (let row = 0; row < labels.length; row++) {
      expect([...parts.slice(row * 3 * dims + 2, row * 3 * dims + dims)]).toEqual([0, 0, 0]);
    }
  });

  it('gives labels half of the dimensions at most, and rows the rest', async () => {
    const { rows: many, labels: nine } = clusters({ classes: 9, each: 10, width: F, noise: 0.5 });
    const narrow = await fitted(many, nine, 6, { shrinkage: 0.2 });
    expect([narrow.supervised.dims, narrow.unsupervised.dims]).toEqual([3, 3]);
    const wide = await fitted(many, nine, 11, { shrinkage: 0.2 });
    expect([wide.supervised.dims, wide.unsupervised.dims]).toEqual([5, 6]);
    // As wide as it is, F is kept as a PCA keeps it.
    const whole = await fitted(many, nine, 40, { shrinkage: 0.2 });
    expect([whole.supervised.dims, whole.unsupervised.dims]).toEqual([8, F]);
  });

  it('tells rows of one side of two labels apart, where the labels alone give all the same cosine', async () => {
    const two = clusters({ classes: 2, each: 20, width: F, noise: 0.5 });
    const blend = await fitted(two.rows, two.labels, 6);
    expect(blend.supervised.dims).toBe(1);
    const side = [...cosines(await blend.supervised.transform(two.rows), 1)].map((value) => Math.abs(value));
    expect(Math.min(...side)).toBeCloseTo(1, 5);
    const joined = cosines(await blend.transform(two.rows), 6);
    const own = joined.filter((_, at) => at < 40 && at % 2 === 0 && at > 0);
    expect(Math.max(...own) - Math.min(...own)).toBeGreaterThan(0.05);
    // Its own label is nearer than the other, all the same.
    expect(Math.min(...own)).toBeGreaterThan(Math.max(...joined.filter((_, at) => at < 40 && at % 2 === 1)));
  });

  it('fits the unsupervised part to rows without a label too', async () => {
    const some = labels.map((label, row) => (row < 30 ? label : undefined));
    const blend = await fitted(rows, some, 6, { shrinkage: 0.3 });
    const [lda, pca] = [new LdaFitter(F, { shrinkage: 0.3 }), new PcaFitter(F)];
    await lda.add(rows.slice(0, 30 * F), labels.slice(0, 30));
    await pca.add(rows);
    expect(await blend.supervised.transform(rows)).toEqual(await (await lda.fit(2)).transform(rows));
    expect(blend.unsupervised.rows).toBe(75);
    const whole = cosines(await (await pca.fit(4)).transform(rows), 4);
    cosines(await blend.unsupervised.transform(rows), 4).forEach((value, at) => {
      expect(value).toBeCloseTo(whole[at]!, 4);
    });
  });

  it('is a PCA of all dimensions where labels tell nothing, and says so', async () => {
    const one = await fit(rows, Array<string>(75).fill('a'), 6);
    expect(one).toMatchObject({
      dims: 6,
      metric: 'l2',
      instead: expect.stringMatching(/in place of a blend/) as string,
    });
    expect((await fit(rows, Array<undefined>(75).fill(undefined), 6)).instead).toMatch(/no row has a label/);
  });

  it('takes few shots, of which it has no more than features', async () => {
    const few = clusters({ classes: 3, each: 3, width: 30, noise: 0.5 });
    const blend = await fit(few.rows, few.labels, 8);
    expect(blend.dims).toBe(8);
    expect((await blend.transform(few.rows)).every(Number.isFinite)).toBe(true);
    await expect(fit(few.rows, few.labels, 8, { shrinkage: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each([0, 1, -1, NaN])('refuses a share of %d', (share) => {
    expect(() => new BlendFitter(3, { share })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('refuses one dimension', async () => {
    await expect(fit(rows, labels, 1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
