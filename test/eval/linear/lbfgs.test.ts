import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { minimise, type MinimiseOptions } from '../../../src/eval/linear/lbfgs.js';
import { dot, wolfeStep, type Objective } from '../../../src/eval/linear/line-search.js';
import { readGolden, relativeError, values, type GoldenArray } from '../../support/golden.js';

interface Golden {
  readonly cases: {
    readonly minima: readonly { name: string; start: number[]; point: number[]; value: number }[];
    readonly quadratic: Record<'matrix' | 'linear' | 'minimum', GoldenArray>;
  };
}
const { minima, quadratic } = (readGolden('protocols/linear.json') as Golden).cases;

const until = (length: number, maxIterations = 500): MinimiseOptions => ({
  maxIterations,
  converged: ({ gradient }) => Math.sqrt(dot(gradient, gradient)) <= length,
});

/** Σ 100·(x_{i+1} − x_i²)² + (1 − x_i)² */
const rosenbrock: Objective = (x) => {
  const gradient = new Float64Array(x.length);
  let value = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const [bend, distance] = [x[i + 1]! - x[i]! ** 2, 1 - x[i]!];
    value += 100 * bend ** 2 + distance ** 2;
    gradient[i]! += -400 * x[i]! * bend - 2 * distance;
    gradient[i + 1]! += 200 * bend;
  }
  return Promise.resolve({ value, gradient });
};

/** ½·xᵀAx − bᵀx */
const quadraticOf =
  (matrix: Float64Array, linear: Float64Array): Objective =>
  (x) => {
    const product = x.map((_, i) => dot(matrix.subarray(i * x.length, (i + 1) * x.length), x));
    return Promise.resolve({
      value: dot(product, x) / 2 - dot(linear, x),
      gradient: product.map((v, i) => v - linear[i]!),
    });
  };

describe('L-BFGS', () => {
  it.each(minima)('finds the minimum of $name that scipy finds', async ({ start, point, value }) => {
    const end = await minimise(rosenbrock, Float64Array.from(start), until(1e-9));
    expect(end.stopped).toBe('converged');
    expect(end.value - value).toBeLessThan(1e-12);
    expect(relativeError(end.point, point)).toBeLessThan(1e-7);
  });

  it('solves a quadratic of condition number 100', async () => {
    const [matrix, linear] = [values(quadratic.matrix), values(quadratic.linear)];
    const end = await minimise(quadraticOf(matrix, linear), new Float64Array(linear.length), until(1e-8));
    expect(end.stopped).toBe('converged');
    expect(relativeError(end.point, values(quadratic.minimum))).toBeLessThan(1e-7);
  });

  it('solves any diagonal quadratic from any start', async () => {
    const entry = fc.record({
      curvature: fc.double({ min: 0.01, max: 100, noNaN: true }),
      minimum: fc.integer({ min: -9, max: 9 }),
      start: fc.integer({ min: -9, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 8 }), async (entries) => {
        const objective: Objective = (x) => {
          const gradient = x.map((v, i) => entries[i]!.curvature * (v - entries[i]!.minimum));
          return Promise.resolve({
            value: x.reduce((sum, v, i) => sum + (gradient[i]! * (v - entries[i]!.minimum)) / 2, 0),
            gradient,
          });
        };
        const end = await minimise(
          objective,
          Float64Array.from(entries, ({ start }) => start),
          until(1e-8),
        );
        expect(end.stopped).toBe('converged');
        end.point.forEach((v, i) => {
          expect(v).toBeCloseTo(entries[i]!.minimum, 5);
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('is there at once when it starts at the minimum', async () => {
    const end = await minimise(rosenbrock, Float64Array.of(1, 1), until(1e-9));
    expect(end).toMatchObject({ iterations: 0, evaluations: 1, stopped: 'converged' });
  });

  it('descends at every iteration, and says when they are used up', async () => {
    const reached: number[] = [];
    for (const most of [0, 1, 2, 5]) {
      const end = await minimise(rosenbrock, Float64Array.of(-1.2, 1), until(1e-9, most));
      expect(end).toMatchObject({ iterations: most, stopped: 'iterations' });
      reached.push(end.value);
    }
    expect(reached).toEqual([...reached].sort((a, b) => b - a));
    expect(new Set(reached).size).toBe(4);
  });

  it('gives up where the gradient is that of another function', async () => {
    const wrong: Objective = (x) => Promise.resolve({ value: x[0]! ** 2, gradient: Float64Array.of(-2 * x[0]!) });
    const end = await minimise(wrong, Float64Array.of(3), until(1e-9));
    expect(end).toMatchObject({ stopped: 'no-step', iterations: 0 });
  });

  it('steps back from where the function is not finite', async () => {
    const barrier: Objective = (x) =>
      Promise.resolve({ value: x[0]! > 0 ? x[0]! - Math.log(x[0]!) : NaN, gradient: Float64Array.of(1 - 1 / x[0]!) });
    const end = await minimise(barrier, Float64Array.of(0.01), until(1e-9));
    expect(end.stopped).toBe('converged');
    expect(end.point[0]).toBeCloseTo(1, 8);
  });

  it('goes on down a slope without end', async () => {
    const slope: Objective = (x) => Promise.resolve({ value: -x[0]!, gradient: Float64Array.of(-1) });
    const end = await minimise(slope, Float64Array.of(0), until(1e-9, 3));
    expect(end).toMatchObject({ iterations: 3, stopped: 'iterations' });
    expect(end.point[0]).toBeGreaterThan(1e6);
    expect(end.point[0]).toBeLessThan(Infinity);
  });

  it('refuses a start without a value, and half an iteration', async () => {
    const nowhere: Objective = () => Promise.resolve({ value: NaN, gradient: Float64Array.of(0) });
    await expect(minimise(nowhere, Float64Array.of(0), until(1))).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
    await expect(minimise(rosenbrock, Float64Array.of(0, 0), until(1, 0.5))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('a Wolfe step', () => {
  const start = Float64Array.of(-1.2, 1);

  it.each([1e-6, 1e-3, 1, 1e3])('meets both conditions from a first step of %d', async (first) => {
    const at = { point: start, ...(await rosenbrock(start)) };
    const downhill = at.gradient.map((v) => -v);
    const slope = dot(at.gradient, downhill);
    const to = await wolfeStep(rosenbrock, at, downhill, first);
    const step = (to!.point[0]! - start[0]!) / downhill[0]!;
    expect(to!.value).toBeLessThanOrEqual(at.value + 1e-4 * step * slope);
    expect(Math.abs(dot(to!.gradient, downhill))).toBeLessThanOrEqual(-0.9 * slope);
  });

  it.each([500, 2500, 4000, 5500])(
    'finds the narrow place where a slope is as small as at a summit, from %d',
    async (first) => {
      const cosine: Objective = (x) =>
        Promise.resolve({ value: Math.cos(x[0]!), gradient: Float64Array.of(-Math.sin(x[0]!)) });
      const summit = Float64Array.of(1e-3);
      const at = { point: summit, ...(await cosine(summit)) };
      const to = await wolfeStep(
        cosine,
        at,
        at.gradient.map((v) => -v),
        first,
      );
      expect(Math.abs(to!.point[0]! - Math.PI)).toBeLessThan(1e-3);
    },
  );

  it('there is none uphill', async () => {
    const at = { point: start, ...(await rosenbrock(start)) };
    expect(await wolfeStep(rosenbrock, at, at.gradient, 1)).toBeUndefined();
  });
});
