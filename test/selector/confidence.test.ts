import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeldOutVotes } from '../../src/auto/held-out-votes.js';
import { Rng } from '../../src/core/rng.js';
import { calibrated, type Calibration } from '../../src/policies/calibration.js';
import { calibrationOf, confidenceFacts, LEAST_VOTES } from '../../src/selector/confidence.js';

/** Rows whose label is right as often as `truth` says of its share. */
function votes(rows: number, truth: (share: number) => number, folds = 5): HeldOutVotes {
  const rng = Rng.stream(3, 'votes', rows);
  const shares = rng.uniform(rows, 0.5).map((value) => value + 0.5);
  const chance = rng.uniform(rows, 0.5).map((value) => value + 0.5);
  return {
    shares,
    right: Uint8Array.from(shares, (share, row) => Number(chance[row]! < truth(share))),
    folds: Int32Array.from({ length: rows }, (_, row) => row % folds),
  };
}

const manifest = (calibration: unknown) => ({
  ...{ name: 'bank', libraryVersion: '9.0.0' },
  auto: {
    features: {},
    confidence: { rows: 100, accuracy: 1, error: { shares: 0, calibrated: 0 }, calibration: calibration as never },
  },
});

describe('confidence', () => {
  it('is calibrated where shares of the vote say too much, and its error is of rows that it was not fitted on', () => {
    const { rows, accuracy, error } = confidenceFacts(votes(1500, (share) => share ** 2))!;
    expect(rows).toBe(1500);
    expect(accuracy).toBeCloseTo(1 / 3, 1);
    expect(error.shares).toBeGreaterThan(0.1);
    expect(error.calibrated).toBeLessThan(0.05);
    // Isotonic on its own rows would have next to none.
    expect(error.calibrated).toBeGreaterThan(0.005);
  });

  it.each([
    ['few rows', votes(LEAST_VOTES - 1, () => 0.5)],
    ['one fold', votes(400, () => 0.5, 1)],
  ])('cannot be told by %s', (_, given) => {
    expect(confidenceFacts(given)).toBeUndefined();
  });

  it('never falls as the share rises, whatever was held out', () => {
    const pairs = fc.array(fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
      minLength: LEAST_VOTES,
      maxLength: LEAST_VOTES + 40,
    });
    fc.assert(
      fc.property(pairs, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 10 }), (given, asked) => {
        const facts = confidenceFacts({
          shares: Float32Array.from(given, ([share]) => share),
          right: Uint8Array.from(given, ([, hit]) => Number(hit)),
          folds: Int32Array.from(given, (_, row) => row % 5),
        })!;
        const calibration = calibrationOf(manifest(facts.calibration)) as Calibration;
        const found = asked.sort((a, b) => a - b).map((share) => calibrated(calibration, share));
        expect(found.every((value, i) => value >= 0 && value <= 1 && (i === 0 || value >= found[i - 1]!))).toBe(true);
        expect([facts.error.shares, facts.error.calibrated].every((error) => error >= 0 && error <= 1)).toBe(true);
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it('of a newer version is refused by name', () => {
    const refusal = expect.objectContaining({
      code: 'INDEX_MISMATCH',
      message: expect.stringMatching(/index "bank", made by version 9\.0\.0/) as string,
    }) as Error;
    expect(() => calibrationOf(manifest({ method: 'beta', a: 1 }))).toThrow(refusal);
    expect(() => calibrationOf(manifest({ method: 'isotonic', scores: [1, 0], precisions: [0, 1] }))).toThrow(refusal);
    expect(calibrationOf({ name: 'bank', libraryVersion: '0.1.0', auto: { features: {} } })).toBeUndefined();
  });
});
