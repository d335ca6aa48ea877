import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { Lda, LdaFitter, type LdaOptions } from '../../src/reduce/lda.js';
import { Pca, PcaFitter } from '../../src/reduce/pca.js';
import type { Labels, Reducer } from '../../src/reduce/reducer.js';
import { SHRINKAGES } from '../../src/reduce/shrinkage.js';
import { StandIn } from '../../src/reduce/stand-in.js';
import { readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { clusters, dots } from './clusters.js';

interface Golden {
  readonly rows: GoldenArray;
  readonly codes: readonly number[];
  readonly cases: readonly { readonly shrinkage: number; readonly n: number; readonly gram: GoldenArray }[];
}
const golden = readGolden('lda/lda.json') as Golden;
const goldenRows = Float32Array.from(values(golden.rows));
const goldenLabels = golden.codes.map((code) => `class ${code}`);
const F = golden.rows.shape[1]!;

async function fit(rows: Float32Array, labels: Labels, dims: number, options: LdaOptions = {}): Promise<Reducer> {
  const fitter = new LdaFitter(rows.length / labels.length, options);
  await fitter.add(rows, labels);
  return fitter.fit(dims);
}

function asLda(reducer: Reducer): Lda {
  if (!(reducer instanceof Lda)) throw new Error(`no LDA: ${reducer.instead}`);
  return reducer;
}

const fitted = async (...task: Parameters<typeof fit>): Promise<Lda> => asLda(await fit(...task));

describe('LDA', () => {
  it.each(golden.cases)(
    "has scikit-learn's distances at shrinkage $shrinkage of $n rows",
    async ({ shrinkage, n, gram }) => {
      const [rows, labels] = [goldenRows.slice(0, n * F), goldenLabels.slice(0, n)];
      const lda = await fit(rows, labels, 10, { shrinkage });
      expect(lda).toMatchObject({ dims: 4, metric: 'cosine', shrinkage });
      expect(relativeError(dots(await lda.transform(rows), lda.dims), values(gram))).toBeLessThan(1e-5);
    },
  );

  it('gives the same bits however the rows are cut into pieces', async () => {
    const whole = await fitted(goldenRows, goldenLabels, 10);
    const fitter = new LdaFitter(F);
    for (const [from, to] of [
      [0, 1],
      [1, 1],
      [1, 40],
      [40, 90],
    ] as const)
      // prettier-ignore
      await fitter.add(goldenRows.slice(from * F, to * F), goldenLabels.slice(from, to));
    expect(await fitter.fit(10)).toEqual(whole);
  });

  it('turns the largest entry of each direction positive', async () => {
    const { directions, dims } = await fitted(goldenRows, goldenLabels, 10, { shrinkage: 0.2 });
    for (let p = 0; p < dims; p++) {
      const row = directions.subarray(p * F, (p + 1) * F);
      expect(row.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0)).toBeGreaterThan(0);
    }
  });

  it('keeps the directions along which means differ most where it may not keep all', async () => {
    // Means on two axes, far apart on the second.
    const { rows, labels } = clusters({ classes: 3, each: 40, width: 6, noise: 0.1, at: (c) => [[0, 9], [1, 0], [-1, 0]][c]! }); // prettier-ignore
    for (const count of [1, 2]) {
      const lda = await fitted(rows, labels, count, { shrinkage: 0.1 });
      expect(lda.dims).toBe(count);
      const first = Array.from(lda.directions.subarray(0, 6), Math.abs);
      if (count === 1) expect(first.indexOf(Math.max(...first))).toBe(1);
    }
  });

  it('takes more classes than features, and then has no more dimensions than those', async () => {
    const { rows, labels } = clusters({ classes: 9, each: 30, width: 4, noise: 0.05 });
    expect((await fit(rows, labels, 20, { shrinkage: 0.1 })).dims).toBe(4);
    expect((await fit(rows, labels, 3, { shrinkage: 0.1 })).dims).toBe(3);
  });

  it('has one dimension for two classes, and takes the distance along it', async () => {
    const { rows, labels } = clusters({ classes: 2, each: 30, width: 5, noise: 0.3 });
    const lda = await fit(rows, labels, 10);
    expect(lda).toMatchObject({ dims: 1, metric: 'l2' });
    const along = await lda.transform(rows);
    const side = (row: number): number => Math.sign(along[row]!);
    expect(labels.filter((label, row) => (label === labels[0]) === (side(row) === side(0)))).toHaveLength(60);
  });

  it('takes the mean of a class of one row, and no scatter', async () => {
    const { rows, labels } = clusters({ classes: 3, each: 20, width: 6, noise: 0.2 });
    const lone = Float32Array.from({ length: 6 }, (_, j) => (j === 5 ? 4 : 0));
    const with1 = Float32Array.of(...rows, ...lone);
    const lda = await fit(with1, [...labels, 'lone'], 10, { shrinkage: 0.1 });
    expect(lda.dims).toBe(3);
    // The scatter is that of the others, at their share.
    const [one, other] = await Promise.all([lda.transform(with1), (await fit(rows, labels, 10, { shrinkage: 0.1 })).transform(rows)]); // prettier-ignore
    const apart = (v: Float32Array, dims: number): number => Math.hypot(...Array.from({ length: dims }, (_, j) => v[j]! - v[dims + j]!)); // prettier-ignore
    // Two rows of one class differ along what tells its own three classes apart as before, but for the share.
    expect(apart(one, 3)).toBeGreaterThan(apart(other, 2) * 0.9);
  });

  it('whitens nothing where every class has one row: the means are all there is', async () => {
    const rows = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
    const lda = await fit(rows, ['a', 'b', 'c'], 10);
    expect(lda).toMatchObject({ dims: 2, shrinkage: SHRINKAGES.at(-1)! });
    const reduced = await lda.transform(rows);
    // An equilateral triangle as before.
    const gram = dots(reduced, 2);
    for (const [i, j] of [[0, 1], [1, 2], [0, 2]] as const) expect(gram[i * 3 + i]! + gram[j * 3 + j]! - 2 * gram[i * 3 + j]!).toBeCloseTo(2, 5); // prettier-ignore
  });

  it('leaves rows without a label out of the fit, and reduces them all the same', async () => {
    const { rows, labels } = clusters({ classes: 3, each: 20, width: 6, noise: 0.3 });
    const alone = await fitted(rows, labels, 10);
    const fitter = new LdaFitter(6);
    const stray = Rng.stream(3, 'stray').uniform(25 * 6, 50);
    await fitter.add(stray, Array<undefined>(25).fill(undefined));
    // Mixed in one piece too.
    await fitter.add(Float32Array.of(...rows.slice(0, 60), ...stray.slice(0, 6)), [...labels.slice(0, 10), undefined]);
    await fitter.add(rows.slice(60), labels.slice(10));
    const lda = asLda(await fitter.fit(10));
    expect(lda).toEqual(alone);
    expect(await lda.transform(stray)).toHaveLength(25 * 2);
  });

  it.each([
    ['a single label', ['a', 'a', 'a', 'a', 'a'], /one label/],
    ['no label', [undefined, undefined, undefined, undefined, undefined], /no row has a label/],
  ])('is a PCA with %s, and says so', async (_, labels, why) => {
    const rows = Rng.stream(4, 'rows').uniform(5 * 4, 1);
    const reducer = await fit(rows, labels, 2);
    expect(reducer).toBeInstanceOf(StandIn);
    expect(reducer).toMatchObject({ dims: 2, metric: 'l2', instead: expect.stringMatching(why) as string });
    const pca = new PcaFitter(4);
    await pca.add(rows);
    expect(await reducer.transform(rows)).toEqual(await (await pca.fit(2)).transform(rows));
  });

  it('is a PCA where all labels have one mean, constant features among them', async () => {
    const rows = Float32Array.of(1, 2, 1, -2, 1, 2, 1, -2);
    const reducer = await fit(rows, ['a', 'a', 'b', 'b'], 1);
    expect(reducer.instead).toMatch(/the same/);
    expect((await fit(new Float32Array(12).fill(0.3), ['a', 'a', 'b', 'b'], 2)).instead).toMatch(/the same/);
    expect(reducer instanceof StandIn && reducer.reducer).toBeInstanceOf(Pca);
  });

  it('takes constant and zero features with any shrinkage but 0', async () => {
    const { rows, labels } = clusters({ classes: 3, each: 20, width: 6, noise: 0.3 });
    const flat = rows.map((value, at) => (at % 6 === 4 ? 7 : at % 6 === 5 ? 0 : value));
    const lda = await fit(flat, labels, 5, { shrinkage: 0.05 });
    expect((await lda.transform(flat)).every(Number.isFinite)).toBe(true);
    await expect(fit(flat, labels, 5, { shrinkage: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('feature 4') as string,
    });
  });

  it('needs a shrinkage where rows are too few for the features, and tells how many it takes', async () => {
    const [rows, labels] = [goldenRows.slice(0, 18 * F), goldenLabels.slice(0, 18)];
    await expect(fit(rows, labels, 5, { shrinkage: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`at least ${F + 5}`) as string,
      hint: expect.stringContaining('auto') as string,
    });
    expect((await fit(rows, labels, 5)).dims).toBe(4);
  });

  it.each([-0.1, 1.1, NaN])('refuses a shrinkage of %d', (shrinkage) => {
    expect(() => new LdaFitter(3, { shrinkage })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('refuses labels that are not one a row, and takes nothing in then', async () => {
    const fitter = new LdaFitter(2);
    await expect(fitter.add(new Float32Array(4), ['a'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(fitter.fit(1)).rejects.toThrow(/no row was added/);
  });
});

describe('shrinkage chosen on the pool', () => {
  /** Rows that differ by class on one axis of many, and by far more on others. */
  const noisy = (each: number, width: number) => clusters({ classes: 4, each, width, noise: 1, at: (c) => Array.from({ length: width }, (_, j) => (j % 4 === c ? 0.6 : 0)) }); // prettier-ignore
  const chosen = async (each: number, width: number, seed = 0): Promise<Lda> => {
    const { rows, labels } = noisy(each, width);
    return await fitted(rows, labels, 10, { seed });
  };

  it('is one of those tried, the best on rows held out, the larger of equals', async () => {
    const { shrinkage, choice } = await chosen(30, 40);
    expect(choice.scores.map((score) => score.shrinkage)).toEqual(SHRINKAGES);
    const best = Math.max(...choice.scores.map(({ accuracy }) => accuracy));
    expect(shrinkage).toBe(choice.scores.filter(({ accuracy }) => accuracy === best).at(-1)!.shrinkage);
    expect(best).toBeLessThan(1);
  });

  it('grows as the pool shrinks', async () => {
    const mean = async (each: number): Promise<number> => {
      const all = await Promise.all([0, 1, 2].map((seed) => chosen(each, 60, seed)));
      return all.reduce((sum, { shrinkage }) => sum + shrinkage / 3, 0);
    };
    expect(await mean(8)).toBeGreaterThan(await mean(400));
  });

  it('depends on its seed and on nothing else', async () => {
    const one = await chosen(20, 60, 5);
    expect(await chosen(20, 60, 5)).toEqual(one);
    expect((await chosen(20, 60, 6)).choice.scores).not.toEqual(one.choice.scores);
  });

  it('takes rows that are few for their width by their coordinates in what they span', async () => {
    const { rows, labels } = noisy(12, 40);
    const wide = new Float32Array(labels.length * 400);
    labels.forEach((_, row) => {
      wide.set(rows.subarray(row * 40, row * 40 + 40), row * 400);
    });
    const { choice, directions } = await fitted(wide, labels, 10);
    // Zeros beside the features make tr(Sw)/F ten times smaller, and with it what a shrinkage does: the scores must see that.
    const { choice: narrow } = await fitted(rows, labels, 10);
    expect(choice.scores).not.toEqual(narrow.scores);
    for (const { accuracy } of choice.scores) expect(accuracy).toBeGreaterThan(0.3);
    const given = await fitted(wide, labels, 10, { shrinkage: choice.shrinkage });
    expect(given.directions).toEqual(directions);
  });

  it('is the largest where no class has two rows', async () => {
    const lda = await fitted(Rng.stream(1, 'x').uniform(4 * 6, 1), ['a', 'b', 'c', 'd'], 5);
    expect(lda.choice).toEqual({ shrinkage: 0.95, scores: [] });
  });
});
