import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wilson } from '../../src/core/wilson.js';

const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;

describe('wilson', () => {
  // statsmodels 0.15.0 proportion_confint(k, n, method="wilson").
  it.each([
    [0, 20, 0, 0.1611251580528194],
    [20, 20, 0.8388748419471804, 1],
    [7, 10, 0.39677814746114537, 0.8922087325936989],
    [418, 500, 0.8010053635257086, 0.8658710796841282],
    [2067, 3080, 0.6543077913590516, 0.6874737217551359],
    [1, 50000, 3.530499822832091e-6, 0.00011328970139120266],
  ])('%d of %d', (successes, n, low, high) => {
    const interval = wilson(successes, n);
    expect(Math.abs(interval.low - low)).toBeLessThan(1e-13);
    expect(Math.abs(interval.high - high)).toBeLessThan(1e-13);
  });

  it('holds the share and stays within 0 … 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const successes = Math.round(share * n);
        const { low, high } = wilson(successes, n);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThanOrEqual(successes / n);
        expect(high).toBeGreaterThanOrEqual(successes / n);
        expect(high).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each([
    [1, 0],
    [-1, 5],
    [6, 5],
    [0.5, 5],
    [Number.NaN, 5],
  ])('refuses %d of %d', (successes, n) => {
    expect(() => wilson(successes, n)).toThrow(invalid);
  });
});
