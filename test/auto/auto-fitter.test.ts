import { describe, expect, it } from 'vitest';
import { AutoFitter, chosenRows, type AutoFit, type AutoOptions } from '../../src/auto/auto-fitter.js';
import { takeColumns } from '../../src/auto/columns.js';
import { Rng } from '../../src/core/rng.js';
import { Blend } from '../../src/reduce/blend.js';
import { LdaFitter } from '../../src/reduce/lda.js';
import { PcaFitter } from '../../src/reduce/pca.js';
import type { StandIn } from '../../src/reduce/stand-in.js';
import { clusters } from '../reduce/clusters.js';

const blocks = [
  { name: 'kl', start: 0, width: 6 },
  { name: 'embedding', start: 6, width: 8 },
];
const F = 14;

/** Rows whose label is in one of the blocks, and noise in the other. */
function told(by: 'kl' | 'embedding', { each = 30, classes = 4, noise = 1 } = {}) {
  const own = clusters({ classes, each, width: by === 'kl' ? 6 : 8, noise });
  const n = own.labels.length;
  const other = Rng.stream(5, 'noise').uniform(n * (by === 'kl' ? 8 : 6), 1);
  const [kl, embedding] = by === 'kl' ? [own.rows, other] : [other, own.rows];
  const rows = new Float32Array(n * F);
  for (let row = 0; row < n; row++) {
    rows.set(kl.subarray(row * 6, (row + 1) * 6), row * F);
    rows.set(embedding.subarray(row * 8, (row + 1) * 8), row * F + 6);
  }
  return { rows, labels: own.labels };
}

async function fit(
  { rows, labels }: { rows: Float32Array; labels: readonly (string | undefined)[] },
  options: Partial<AutoOptions> = {},
  pieces: readonly number[] = [labels.length],
): Promise<AutoFit> {
  const fitter = new AutoFitter({ blocks, dims: 10, ...options });
  let done = 0;
  for (const piece of pieces) {
    await fitter.add(rows.subarray(done * F, (done + piece) * F), labels.slice(done, done + piece));
    done += piece;
  }
  return fitter.fit();
}

describe('AutoFitter', () => {
  it('takes gradients that tell the labels apart, and leaves those that do not', async () => {
    const [gradients, embedding] = [await fit(told('kl')), await fit(told('embedding'))];
    expect(gradients.choice?.losses).toEqual(['kl']);
    expect(gradients.choice!.expected.accuracy).toBeGreaterThan(gradients.choice!.expected.embedding + 0.2);
    expect(embedding.choice?.losses).toEqual([]);
    expect(embedding.blocks).toEqual([blocks[1]]);
  });

  it('reduces as an LDA of the chosen blocks beside a PCA of the embedding', async () => {
    const data = told('kl');
    const { reducer, blocks: chosen, choice } = await fit(data);
    if (!(reducer instanceof Blend)) throw new Error('no blend');
    const { shrinkage } = choice!;
    const [lda, pca] = [new LdaFitter(F, { shrinkage }), new PcaFitter(8)];
    await lda.add(data.rows, data.labels);
    const embeddings = takeColumns(
      data.rows,
      F,
      Int32Array.from({ length: 8 }, (_, j) => 6 + j),
    );
    await pca.add(embeddings);
    const [one, other] = [await lda.fit(5), await pca.fit(7)];
    expect([reducer.supervised.dims, reducer.unsupervised.dims]).toEqual([3, 7]);
    const found = await reducer.transform(chosenRows(data.rows, blocks, chosen));
    const unit = (row: Float32Array): number[] => {
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
      return [...row].map((value) => (Math.SQRT1_2 * value) / length);
    };
    const [a, b] = [await one.transform(data.rows), await other.transform(embeddings)];
    const wanted = [...unit(a.subarray(0, 3)), ...unit(b.subarray(0, 7))];
    wanted.forEach((value, at) => {
      // The restricted statistics differ from those of the block alone in rounding, and an axis may point the other way.
      expect(Math.abs(found[at]!)).toBeCloseTo(Math.abs(value), 3);
    });
  });

  it('fits an embedding that does not begin the row where gradients were left out', async () => {
    const data = told('embedding');
    const { reducer, blocks: chosen } = await fit(data);
    const rows = chosenRows(data.rows, blocks, chosen);
    expect(rows.length).toBe(data.labels.length * 8);
    expect((await reducer.transform(rows)).every(Number.isFinite)).toBe(true);
  });

  it('is the same whatever pieces the rows come in', async () => {
    const data = told('kl');
    const [whole, split] = [await fit(data), await fit(data, {}, [1, 50, 69])];
    expect(split.choice).toEqual(whole.choice);
    const rows = chosenRows(data.rows, blocks, whole.blocks);
    expect(await split.reducer.transform(rows)).toEqual(await whole.reducer.transform(rows));
  });

  it('tries no gradients when there is no time, and the embedding all the same', async () => {
    const { choice } = await fit(told('kl'), { budgetMs: 0 });
    expect(choice).toMatchObject({ losses: [], tried: [] });
  });

  it('has no gain to report where labels are drawn by lot', async () => {
    const { rows } = told('kl', { each: 60 });
    const rng = Rng.stream(1, 'labels');
    const labels = Array.from({ length: 240 }, () => `class ${rng.int(4)}`);
    const { expected } = (await fit({ rows, labels })).choice!;
    expect(expected.gain.low).toBeLessThan(0);
    expect(expected.accuracy).toBeLessThan(0.4);
  });

  it.each([
    ['all examples have one label', () => 'a'],
    ['no example has a label', () => undefined],
    ['no label has two examples', (row: number) => `label ${row}`],
  ])('keeps the plain embedding where %s', async (why, labelOf) => {
    const { rows } = told('kl');
    const labels = Array.from({ length: 120 }, (_, row) => labelOf(row));
    const { reducer, blocks: chosen, choice } = await fit({ rows, labels });
    expect(choice).toBeUndefined();
    expect((reducer as StandIn).instead).toContain(why);
    expect(chosen).toEqual([blocks[1]]);
    expect(reducer.dims).toBe(8);
  });

  it.each([
    [120, 10],
    [120, 4],
    [12, 10],
    [12, 4],
  ])('keeps the plain embedding where all of %i rows are one, in %i dimensions', async (count, dims) => {
    const { rows } = told('kl');
    const labels = Array.from({ length: count }, (_, row) => `label ${row % 2}`);
    const equal = new Float32Array(count * F);
    labels.forEach((_, row) => {
      equal.set(rows.subarray(0, F), row * F);
    });
    const { reducer, blocks: chosen, choice } = await fit({ rows: equal, labels }, { dims });
    expect(choice).toBeUndefined();
    expect((reducer as StandIn).instead).toContain('the means of all labels are the same');
    expect(chosen).toEqual([blocks[1]]);
    expect((await reducer.transform(equal.subarray(6, 14))).every(Number.isFinite)).toBe(true);
  });

  it.each([2, 3])('takes a pool in which every row has each of %i labels', async (classes) => {
    const { rows } = told('kl');
    const labels = Array.from({ length: 4 * classes }, (_, row) => `label ${row % classes}`);
    const equal = new Float32Array(labels.length * F);
    labels.forEach((_, row) => {
      const source = Math.floor(row / classes);
      equal.set(rows.subarray(source * F, (source + 1) * F), row * F);
    });
    const { reducer, blocks: chosen } = await fit({ rows: equal, labels });
    expect((await reducer.transform(chosenRows(equal, blocks, chosen))).every(Number.isFinite)).toBe(true);
  });

  it('takes two labels, and pools of two shots', async () => {
    const two = await fit(told('embedding', { classes: 2 }));
    expect(two.choice!.expected.accuracy).toBeGreaterThan(0.8);
    const few = await fit(told('embedding', { each: 2, noise: 0.2 }));
    expect(few.reducer.dims).toBeGreaterThan(3);
    expect(few.choice!.expected).toMatchObject({ rows: 8, shown: 1 });
    expect(two.choice!.expected.shown).toBe(15);
  });

  it('expects nothing of rows that are copies of each other', async () => {
    const half = Rng.stream(3, 'copied').uniform(100 * F, 1);
    const rng = Rng.stream(4, 'labels');
    const drawn = Array.from({ length: 100 }, () => `class ${rng.int(5)}`);
    const fitter = new AutoFitter({ blocks, dims: 10 });
    const numbers = drawn.map((_, row) => row);
    for (let copy = 0; copy < 2; copy++) await fitter.add(half, drawn, numbers);
    const { expected } = (await fitter.fit()).choice!;
    expect(expected.accuracy).toBeLessThan(0.4);
    const blind = new AutoFitter({ blocks, dims: 10 });
    for (let copy = 0; copy < 2; copy++) await blind.add(half, drawn);
    expect((await blind.fit()).choice!.expected.accuracy).toBeGreaterThan(0.7);
  });

  it('scores the plain embedding as the index has it: of few dimensions little is left', async () => {
    const data = told('embedding', { classes: 8, noise: 0.5 });
    const [narrow, wide] = [await fit(data, { dims: 2 }), await fit(data, { dims: 40 })];
    expect(narrow.choice!.expected.embedding).toBeLessThan(wide.choice!.expected.embedding - 0.1);
  });

  it('refuses one dimension, blocks without an embedding, and a pool without rows', async () => {
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    expect(() => new AutoFitter({ blocks, dims: 1 })).toThrow(refusal);
    expect(() => new AutoFitter({ blocks: [blocks[0]!], dims: 4 })).toThrow(refusal);
    await expect(new AutoFitter({ blocks, dims: 4 }).fit()).rejects.toEqual(refusal);
  });
});
