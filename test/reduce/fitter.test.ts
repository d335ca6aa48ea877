/** Whatever reduces features does so behind one interface. */
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { reducerFitter, type Reduction } from '../../src/reduce/fitter.js';
import { ENTRIES, randomEntries } from '../../src/reduce/random-matrix.js';

const [n, F, P] = [60, 24, 8];
const rows = Rng.stream(1, 'rows').uniform(n * F, 1);
const labels = Array.from({ length: n }, (_, row) => (row % 7 === 6 ? undefined : `class ${row % 3}`));
const BLOCKS = [
  { start: 0, width: 5 },
  { start: 5, width: 10 },
  { start: 15, width: F - 15 },
];
const UNSUPERVISED: readonly Reduction[] = [
  { kind: 'pca' },
  { kind: 'none' },
  ...ENTRIES.map((entries) => ({ kind: 'random', entries, seed: 4 }) as const),
];

const REDUCTIONS: readonly Reduction[] = [
  ...UNSUPERVISED,
  { kind: 'lda', shrinkage: 0.3 },
  { kind: 'lda', shrinkage: 'auto', seed: 2 },
  { kind: 'blend', shrinkage: 0.3 },
  { kind: 'blend', seed: 2, share: 0.7 },
];

async function reduced(reduction: Reduction, dims: number, chunk = n) {
  const fitter = reducerFitter(reduction, F);
  for (let at = 0; at < n; at += chunk) {
    await fitter.add(rows.slice(at * F, (at + chunk) * F), labels.slice(at, at + chunk));
  }
  const reducer = await fitter.fit(dims);
  return { dims: reducer.dims, reducer, out: await reducer.transform(rows) };
}

function squared(values: Float32Array, width: number, i: number, j: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += (values[i * width + k]! - values[j * width + k]!) ** 2;
  return sum;
}

describe.each(REDUCTIONS.map((reduction) => [JSON.stringify(reduction), reduction] as const))('%s', (_, reduction) => {
  it('gives [n,P], or [n,F] where nothing is reduced, the same for rows in pieces', async () => {
    const { dims, out } = await reduced(reduction, P);
    expect(dims).toBe({ none: F, lda: 2, blend: P, pca: P, random: P }[reduction.kind]);
    expect(out).toHaveLength(n * dims);
    const pieces = await reduced(reduction, P, 7);
    expect(pieces.dims).toBe(dims);
    out.forEach((value, i) => {
      expect(Math.abs(pieces.out[i]! - value)).toBeLessThan(1e-4);
    });
  });

  it('makes of each block of columns a part, and the parts sum to what it makes of the row', async () => {
    const { dims, reducer, out } = await reduced(reduction, P);
    const parts = await reducer.parts(rows, BLOCKS);
    expect(parts).toHaveLength(n * BLOCKS.length * dims);
    out.forEach((value, at) => {
      const [row, j] = [Math.floor(at / dims), at % dims];
      const sum = BLOCKS.reduce((total, _, b) => total + parts[(row * BLOCKS.length + b) * dims + j]!, 0);
      expect(Math.abs(sum - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
    // Rows that differ in the last block alone differ in its part alone, up to a common scale.
    const changed = rows.map((value, at) => (at % F < 15 ? value : -value));
    const others = await reducer.parts(changed, BLOCKS);
    const own = (from: Float32Array, b: number): Float32Array => from.slice(b * dims, (b + 1) * dims);
    if (reducer.metric === 'l2') {
      expect(own(others, 0)).toEqual(own(parts, 0));
      expect(own(others, 1)).toEqual(own(parts, 1));
    }
    expect(own(others, 2)).not.toEqual(own(parts, 2));
    await expect(reducer.parts(rows.with(3, NaN), BLOCKS)).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
  });

  it.each([0, -1, 1.5, NaN])('refuses %d dimensions', async (dims) => {
    const fitter = reducerFitter(reduction, F);
    await fitter.add(rows, labels);
    await expect(fitter.fit(dims)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses features of no width', () => {
    for (const width of [0, 2.5])
      expect(() => reducerFitter(reduction, width)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as FungiError,
      );
  });

  it('refuses rows of another width and values that are not numbers, naming the row', async () => {
    const fitter = reducerFitter(reduction, F);
    await expect(fitter.add(rows.slice(1), labels)).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    await fitter.add(rows, labels);
    const bad = rows.with(2 * F + 3, NaN);
    await expect(fitter.add(bad, labels)).rejects.toMatchObject({
      code: 'INVALID_VECTOR',
      details: { row: n + 2, position: 3 },
    });
    const { reducer } = await reduced(reduction, P);
    await expect(reducer.transform(bad)).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    await expect(reducer.transform(rows.slice(1))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
  });
});

describe.each(UNSUPERVISED.map((reduction) => [JSON.stringify(reduction), reduction] as const))(
  '%s',
  (_, reduction) => {
    it('does not look at labels', async () => {
      const fitter = reducerFitter(reduction, F);
      await fitter.add(rows, labels.toReversed());
      expect(await (await fitter.fit(P)).transform(rows)).toEqual((await reduced(reduction, P)).out);
    });

    it.each([F, F + 1])('keeps every distance where P is %d and there is nothing to reduce', async (dims) => {
      const { dims: width, out } = await reduced(reduction, dims);
      expect(width).toBe(F);
      for (let i = 1; i < n; i++) expect(squared(out, F, 0, i)).toBeCloseTo(squared(rows, F, 0, i), 3);
    });
  },
);

describe.each(ENTRIES)('a random projection with %s entries', (entries) => {
  const random = (seed: number): Reduction => ({ kind: 'random', entries, seed });

  it('is the product with entries of its seed over √P', async () => {
    const { out } = await reduced(random(4), P);
    for (let row = 0; row < n; row++)
      for (let p = 0; p < P; p++) {
        const column = randomEntries(entries, 4, ['reducer', p], F, F);
        const product = column.reduce((sum, value, i) => sum + value * rows[row * F + i]!, 0);
        expect(out[row * P + p]!).toBeCloseTo(product / Math.sqrt(P), 4);
      }
  });

  it('is another with another seed, and keeps distances on average', async () => {
    const SEEDS = 200;
    let ratio = 0;
    const seen = new Set<number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const { out } = await reduced(random(seed), P);
      seen.add(out[0]!);
      ratio += squared(out, P, 0, 1) / squared(rows, F, 0, 1) / SEEDS;
    }
    expect(seen.size).toBeGreaterThan(SEEDS / 20);
    // Of one projection the ratio spreads by at most √((1 + fourth moment)/P) around 1.
    expect(Math.abs(ratio - 1)).toBeLessThan(5 * Math.sqrt((1 + Math.sqrt(F)) / P / SEEDS));
  });
});
