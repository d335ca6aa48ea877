import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resample, resampledLength } from '../../../src/encoders/audio/resample.js';
import { tone } from './sounds.js';

const rate = fc.constantFrom(1000, 7919, 8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 768_000);
const clip = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 })
  .map((values) => Float32Array.from(values));

describe('resample', () => {
  it('gives ⌈n·to/from⌉ finite samples, and the input itself at its own rate', () => {
    fc.assert(
      fc.property(clip, rate, rate, (samples, from, to) => {
        const out = resample(samples, from, to);
        expect(out.length).toBe(resampledLength(samples.length, from, to));
        expect(out.every(Number.isFinite)).toBe(true);
        if (from === to) expect(out).toBe(samples);
      }),
    );
  });

  it('is linear', () => {
    fc.assert(
      fc.property(clip, rate, (samples, from) => {
        const once = resample(samples, from, 16_000);
        const half = resample(
          samples.map((value) => value / 2),
          from,
          16_000,
        );
        once.forEach((value, i) => {
          expect(Math.abs(value / 2 - half[i]!)).toBeLessThan(1e-6);
        });
      }),
    );
  });

  it('removes what the lower rate cannot hold', () => {
    const above = resample(tone(48_000, 11_000, 48_000), 48_000, 16_000);
    const below = resample(tone(48_000, 1000, 48_000), 48_000, 16_000);
    const level = (samples: Float32Array): number =>
      Math.sqrt(samples.subarray(100, -100).reduce((sum, value) => sum + value * value, 0) / (samples.length - 200));
    expect(level(above)).toBeLessThan(0.005);
    expect(level(below)).toBeCloseTo(Math.SQRT1_2 / 2, 3);
  });

  it('has tables for few rates at a time', () => {
    const samples = tone(100);
    const first = resample(samples, 8000, 16_000);
    for (let from = 9000; from < 9010; from++) resample(samples, from, 16_000);
    expect(resample(samples, 8000, 16_000)).toEqual(first);
  });
});
