/** What moves from the channels of a tensor into the weights behind it, and weights as integers. */
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { quantisedColumns, rangeOf, smoothingOf, turned, type Matrix } from '../../src/engine/smoothing.js';
import { relativeError } from '../support/golden.js';

const [ROWS, K, N] = [5, 70, 66];
const rng = Rng.stream(4, 'smoothing');
/** Three channels are a hundred times the others. */
const x = rng.uniform(ROWS * K, 1).map((value, at) => ([3, 20, 41].includes(at % K) ? 100 * value : value));
const weights: readonly Matrix[] = [
  { values: rng.uniform(K * N, 0.2), columns: N },
  { values: rng.uniform(K * 2, 0.2), columns: 2 },
];
const { channels } = rangeOf([x], K);

/** x·W in float64. */
function product(rows: ArrayLike<number>, { values, columns }: { values: ArrayLike<number>; columns: number }) {
  const y = new Float64Array((rows.length / K) * columns);
  for (let row = 0; row < rows.length / K; row++)
    for (let k = 0; k < K; k++)
      for (let n = 0; n < columns; n++) y[row * columns + n]! += rows[row * K + k]! * values[k * columns + n]!;
  return y;
}

describe('the range of a tensor', () => {
  it('is the largest |x| of each channel and both ends, over all runs', () => {
    const runs = [Float32Array.of(1, -2, 0.5, 3), Float32Array.of(-4, 1)];
    expect(rangeOf(runs, 2)).toEqual({ channels: Float32Array.of(4, 3), least: -4, largest: 3 });
  });
});

describe('factors', () => {
  const s = smoothingOf(channels, weights);

  it('have the geometric mean 1', () => {
    const logs = s.map(Math.log).reduce((sum, log) => sum + log, 0);
    expect(Math.abs(logs / K)).toBeLessThan(1e-6);
  });

  it('leave x·W as it is: x/s times diag(s)·W', () => {
    for (const { values, columns } of weights) {
      const scaled = { values: Float64Array.from(values, (w, at) => w * s[Math.floor(at / columns)]!), columns };
      const divided = Float64Array.from(x, (value, at) => value / s[at % K]!);
      expect(relativeError(product(divided, scaled), product(x, { values, columns }))).toBeLessThan(1e-12);
    }
  });

  it('are large where channels are, and bring rows closer to one size', () => {
    const spread = (values: Float32Array): number => Math.max(...values) / Math.min(...values);
    const smoothed = channels.map((channel, k) => channel / s[k]!);
    expect(Math.min(s[3]!, s[20]!, s[41]!)).toBeGreaterThan(2);
    expect(spread(smoothed)).toBeLessThan(spread(channels) / 10);
  });

  it('are numbers where a channel, or all weights of it, are 0', () => {
    const zero = { values: new Float32Array(K * N), columns: N };
    for (const factors of [smoothingOf(new Float32Array(K), weights), smoothingOf(channels, [zero])])
      expect(factors.every((factor) => factor > 0 && Number.isFinite(factor))).toBe(true);
  });

  it('see the weights of every product', () => {
    const [first, second] = weights as [Matrix, Matrix];
    const heavy = { ...second, values: second.values.map((value) => 50 * value) };
    const ratio = smoothingOf(channels, [first, heavy]).map((factor, k) => factor / smoothingOf(channels, [first])[k]!);
    expect(Math.max(...ratio) / Math.min(...ratio)).toBeGreaterThan(1.5);
    // In whatever order they come.
    expect(smoothingOf(channels, [heavy, first])).toEqual(smoothingOf(channels, [first, heavy]));
  });
});

describe('weights as integers', () => {
  const s = smoothingOf(channels, weights);

  it.each([
    ['smoothed', s],
    ['as they are', undefined],
  ])('lie within ±127, reach it in each column and are half a step off at most (%s)', (_, smoothing) => {
    const { values, columns } = weights[0]!;
    const { integers, scales } = quantisedColumns(weights[0]!, smoothing);
    const largest = new Array<number>(columns).fill(0);
    integers.forEach((integer, at) => {
      const n = at % columns;
      const exact = values[at]! * (smoothing?.[Math.floor(at / columns)] ?? 1);
      largest[n] = Math.max(largest[n]!, Math.abs(integer));
      expect(Math.abs(integer * scales[n]! - exact)).toBeLessThanOrEqual(scales[n]! * (0.5 + 1e-5));
    });
    expect(largest).toEqual(largest.map(() => 127));
  });

  it('of a column of zeros are zeros, with a scale that is none', () => {
    const values = weights[0]!.values.map((value, at) => (at % N === 5 ? 0 : value));
    const { integers, scales } = quantisedColumns({ values, columns: N }, s);
    expect(integers.every((integer, at) => at % N !== 5 || integer === 0)).toBe(true);
    expect(scales.every((scale) => scale > 0 && Number.isFinite(scale))).toBe(true);
  });
});

it('[N,K] turned is [K,N]', () => {
  expect(turned(Float32Array.of(1, 2, 3, 4, 5, 6), 2)).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
});
