import { describe, expect, it } from 'vitest';

import type { Progress } from '../../../src/core/progress.js';
import { Rng } from '../../../src/core/rng.js';
import { selectRows, type LabelledFeatures } from '../../../src/eval/features/labelled-features.js';
import { holdOut, linearProbe } from '../../../src/eval/linear/linear-probe.js';
import { fitLogistic } from '../../../src/eval/linear/logistic.js';

/** Classes at the corners of a simplex, with noise. */
function mixture(seed: string, n: number, noise: number): LabelledFeatures {
  const rng = Rng.stream(7, seed);
  const dims = 4;
  const rows = new Float32Array(n * dims);
  const labels = Array.from({ length: n }, (_, i) => {
    for (let j = 0; j < dims; j++) rows[i * dims + j] = (j === i % dims ? 1 : 0) + noise * (rng.float() * 2 - 1);
    return `class ${i % dims}`;
  });
  return { rows, dims, labels };
}

const train = mixture('train', 120, 1.4);
const validation = mixture('validation', 60, 1.4);
const test = mixture('test', 60, 1.4);
const accuracy = (predicted: readonly string[], labels: readonly string[]): number =>
  predicted.filter((label, i) => label === labels[i]).length / labels.length;
const oneByOne = async (fit: LabelledFeatures, on: LabelledFeatures, l2: number): Promise<number> =>
  accuracy(await (await fitLogistic(fit, { l2 })).model.predict(on.rows), on.labels);

describe('the linear probe', () => {
  it('chooses λ by validation accuracy and fits on all training rows', async () => {
    const l2 = [1e-3, 1, 100];
    const selection = holdOut(
      train,
      train.labels.flatMap((_, row) => (row % 5 === 0 ? [row] : [])),
    );
    const probe = await linearProbe({ train, test, selection }, { l2 });
    const expected = await Promise.all(l2.map((value) => oneByOne(selection.fit, selection.validation, value)));
    expect(probe.candidates.map((one) => one.l2)).toEqual(l2);
    expect(probe.candidates.map((one) => one.accuracy)).toEqual(expected);
    expect(probe.l2).toBe(l2[expected.indexOf(Math.max(...expected))]);
    expect(probe.predicted).toEqual(await (await fitLogistic(train, { l2: probe.l2 })).model.predict(test.rows));
    expect(accuracy(probe.predicted, test.labels)).toBeGreaterThan(0.4);
    expect(probe.converged).toBe(true);
  });

  it('takes a validation set of its own', async () => {
    const l2 = [1e-4, 0.1, 10];
    const probe = await linearProbe({ train, test, selection: { fit: train, validation } }, { l2 });
    const expected = await Promise.all(l2.map((value) => oneByOne(train, validation, value)));
    expect(probe.candidates.map((one) => one.accuracy)).toEqual(expected);
    expect(probe.predicted).toEqual(await (await fitLogistic(train, { l2: probe.l2 })).model.predict(test.rows));
  });

  it('takes the smallest of equal λ, in whatever order they come', async () => {
    const clear = mixture('clear', 40, 0.1);
    const data = { train: clear, test: clear, selection: { fit: clear, validation: clear } };
    const { l2, candidates } = await linearProbe(data, { l2: [5e-4, 5e-6, 1e-5] });
    expect(candidates.map((one) => one.accuracy)).toEqual([1, 1, 1]);
    expect(l2).toBe(5e-6);
  });

  it("has the paper's five λ", async () => {
    const { candidates } = await linearProbe({ train, test, selection: { fit: train, validation } });
    const spaced = [0, 1, 2, 3, 4].map((i) => 5e-6 + (i / 4) * (5e-4 - 5e-6));
    expect(candidates).toHaveLength(5);
    candidates.forEach(({ l2 }, i) => {
      expect(l2).toBeCloseTo(spaced[i]!, 12);
    });
  });

  it('does not hide fits that ran out of iterations', async () => {
    const probe = await linearProbe({ train, test, selection: { fit: train, validation } }, { maxIterations: 1 });
    expect(probe.candidates.map((one) => one.converged)).toContain(false);
    expect(probe.converged).toBe(probe.gap <= 1e-6);
    expect(probe.converged).toBe(false);
  });

  it('tells how many fits are done', async () => {
    const told: Progress[] = [];
    const data = { train, test, selection: { fit: train, validation } };
    await linearProbe(data, { l2: [1, 2], onProgress: (progress) => told.push(progress) });
    expect(told.map(({ done, total }) => [done, total])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('counts a label that training lacks as wrong', async () => {
    const foreign = { ...validation, labels: validation.labels.map(() => 'none of them') };
    const { candidates } = await linearProbe({ train, test, selection: { fit: train, validation: foreign } });
    expect(candidates.map((one) => one.accuracy)).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('rows held out', () => {
  it('are apart from those kept', () => {
    const { fit, validation: held } = holdOut(train, [3, 1]);
    expect(held).toEqual(selectRows(train, [3, 1]));
    expect(fit).toEqual(
      selectRows(
        train,
        train.labels.flatMap((_, row) => (row === 1 || row === 3 ? [] : [row])),
      ),
    );
  });

  it.each([
    ['none', []],
    ['all', train.labels.map((_, row) => row)],
    ['one that is not there', [120]],
  ])('cannot be %s', (_, rows) => {
    expect(() => holdOut(train, rows)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });
});

describe('the linear probe refuses', () => {
  const selection = { fit: train, validation };

  it('no λ, and parts of another width', async () => {
    await expect(linearProbe({ train, test, selection }, { l2: [] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const narrow = { ...test, dims: 2 };
    await expect(linearProbe({ train, test: narrow, selection })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'rows of test have 2 values, those of train 4',
    });
    await expect(
      linearProbe({ train, test, selection: { fit: train, validation: { ...validation, dims: 2 } } }),
    ).rejects.toMatchObject({ message: 'rows of validation have 2 values, those of train 4' });
  });

  it('rows that are not finite', async () => {
    const broken = { ...test, rows: test.rows.map((v, i) => (i === 9 ? Infinity : v)) };
    await expect(linearProbe({ train, test: broken, selection })).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
  });
});
