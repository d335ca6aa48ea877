import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Rng } from '../../../src/core/rng.js';
import { fitLogistic, LogisticModel } from '../../../src/eval/linear/logistic.js';
import type { LabelledFeatures } from '../../../src/eval/features/labelled-features.js';
import { readGolden, relativeError, values, type GoldenArray } from '../../support/golden.js';

interface Fit {
  readonly name: string;
  readonly rows: GoldenArray;
  readonly labels: readonly string[];
  readonly test: GoldenArray;
  readonly l2: number;
  readonly classes: readonly string[];
  readonly weights: GoldenArray;
  readonly objective: number;
  readonly predicted: readonly string[];
}
const { fits } = (readGolden('protocols/linear.json') as { cases: { fits: readonly Fit[] } }).cases;

const featuresOf = ({ rows, labels }: Fit): LabelledFeatures => ({
  rows: Float32Array.from(values(rows)),
  dims: rows.shape[1]!,
  labels,
});

describe('logistic regression', () => {
  it.each(fits)("has scikit-learn's minimum: $name", async (golden) => {
    const { model, objective, converged, gap } = await fitLogistic(featuresOf(golden), {
      l2: golden.l2,
      tolerance: 1e-12,
      maxIterations: 2000,
    });
    expect(converged).toBe(true);
    expect(gap).toBeLessThanOrEqual(1e-12);
    expect(model.classes).toEqual(golden.classes);
    expect(objective / golden.objective - 1).toBeLessThan(1e-11);
    expect(relativeError(model.weights, values(golden.weights))).toBeLessThan(1e-4);
    expect(await model.predict(Float32Array.from(values(golden.test)))).toEqual(golden.predicted);
  });

  it.each(fits)('is as near to the minimum as it says: $name', async (golden) => {
    for (const tolerance of [1e-1, 1e-3, 1e-6]) {
      const { objective, gap, converged } = await fitLogistic(featuresOf(golden), { l2: golden.l2, tolerance });
      expect(converged).toBe(true);
      expect(gap).toBeLessThanOrEqual(tolerance);
      expect((objective - golden.objective) / objective).toBeLessThanOrEqual(gap + 1e-12);
    }
  });

  it('says when it did not get there', async () => {
    const { converged, iterations, gap } = await fitLogistic(featuresOf(fits[1]!), { l2: 5e-4, maxIterations: 2 });
    expect({ converged, iterations }).toEqual({ converged: false, iterations: 2 });
    expect(gap).toBeGreaterThan(1e-6);
  });

  it('needs no iteration from its own model, and ends in the same place from any other', async () => {
    const golden = fits[1]!;
    const train = featuresOf(golden);
    const { model, objective } = await fitLogistic(train, { l2: golden.l2 });
    expect((await fitLogistic(train, { l2: golden.l2, start: model })).iterations).toBe(0);
    // A model of two of the classes and of one that is none.
    const other = new LogisticModel(['class 3', 'class 1', 'none'], 8, new Float64Array(24).fill(2));
    const again = await fitLogistic(train, { l2: golden.l2, start: other });
    expect(again.iterations).toBeGreaterThan(0);
    expect(Math.abs(again.objective / objective - 1)).toBeLessThan(2e-6);
  });

  it('does not depend on the order of the rows, and a row twice counts twice', async () => {
    const whole = fc.integer({ min: -3, max: 3 });
    const items = fc.array(fc.tuple(whole, whole, fc.constantFrom('a', 'b', 'c')), { minLength: 4, maxLength: 12 });
    const featuresFrom = (some: readonly [number, number, string][]): LabelledFeatures => ({
      rows: Float32Array.from(some.flatMap(([x, y]) => [x, y])),
      dims: 2,
      labels: some.map(([, , label]) => label),
    });
    const weightsOf = async (some: readonly [number, number, string][]): Promise<Float64Array> =>
      (await fitLogistic(featuresFrom(some), { l2: 0.1, tolerance: 1e-13, maxIterations: 1000 })).model.weights;
    await fc.assert(
      fc.asyncProperty(items, async (some) => {
        fc.pre(new Set(some.map(([, , label]) => label)).size > 1);
        const weights = await weightsOf(some);
        const changed = await weightsOf([...some].reverse().flatMap((item) => [item, item]));
        changed.forEach((weight, i) => {
          expect(weight).toBeCloseTo(weights[i]!, 5);
        });
      }),
      { seed: 2, numRuns: 30 },
    );
  });

  it('takes the first of equal classes', async () => {
    const model = new LogisticModel(['a', 'b', 'c'], 1, Float64Array.of(0, 1, 1));
    expect(await model.predict(Float32Array.of(1, -1, 0))).toEqual(['b', 'a', 'a']);
  });

  it('stays finite where scores are huge', async () => {
    const rng = Rng.stream(3, 'huge');
    const rows = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1e6 : -1e6) * (1 + rng.float()));
    const labels = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'plus' : 'minus'));
    const { model, objective } = await fitLogistic({ rows, dims: 1, labels }, { l2: 1e-6 });
    expect(objective).toBeLessThan(1e-3);
    expect(await model.predict(rows)).toEqual(labels);
  });
});

describe('logistic regression refuses', () => {
  const good = featuresOf(fits[0]!);

  it.each([
    ['a λ of 0', good, { l2: 0 }, 'INVALID_ARGUMENT'],
    ['a λ that is none', good, { l2: NaN }, 'INVALID_ARGUMENT'],
    ['a tolerance of 0', good, { l2: 1, tolerance: 0 }, 'INVALID_ARGUMENT'],
    ['half an iteration', good, { l2: 1, maxIterations: 1.5 }, 'INVALID_ARGUMENT'],
    ['one label', { ...good, labels: good.labels.map(() => 'a') }, { l2: 1 }, 'INVALID_DATA'],
    ['a missing label', { ...good, labels: good.labels.slice(1) }, { l2: 1 }, 'INVALID_ARGUMENT'],
    ['NaN', { ...good, rows: good.rows.map((v, i) => (i === 5 ? NaN : v)) }, { l2: 1 }, 'INVALID_VECTOR'],
    [
      'a start of another width',
      good,
      { l2: 1, start: new LogisticModel(['a'], 2, new Float64Array(2)) },
      'INVALID_ARGUMENT',
    ],
  ])('%s', async (_, train, options, code) => {
    await expect(fitLogistic(train, options)).rejects.toMatchObject({ code });
  });

  it('rows of another width', async () => {
    const model = new LogisticModel(['a', 'b'], 2, new Float64Array(4));
    await expect(model.predict(new Float32Array(3))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
  });
});
