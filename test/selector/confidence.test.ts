import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeldOutVotes } from '../../src/auto/held-out-votes.js';
import { Rng } from '../../src/core/rng.js';
import { confidenceFacts, LEAST_VOTES, tooManyUnscored } from '../../src/selector/confidence.js';

/** Rows whose label is right as often as `truth` says of its share. */
function votes(rows: number, truth: (share: number) => number, folds = 5): HeldOutVotes {
  const rng = Rng.stream(3, 'votes', rows);
  const shares = rng.uniform(rows, 0.5).map((value) => value + 0.5);
  const chance = rng.uniform(rows, 0.5).map((value) => value + 0.5);
  return {
    shares,
    right: Uint8Array.from(shares, (share, row) => Number(chance[row]! < truth(share))),
    folds: Int32Array.from({ length: rows }, (_, row) => row % folds),
    unscored: 0,
  };
}

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

  it('is told of whatever was held out', () => {
    const pairs = fc.array(fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
      minLength: LEAST_VOTES,
      maxLength: LEAST_VOTES + 40,
    });
    fc.assert(
      fc.property(pairs, fc.nat(), (given, unscored) => {
        const facts = confidenceFacts({
          shares: Float32Array.from(given, ([share]) => share),
          right: Uint8Array.from(given, ([, hit]) => Number(hit)),
          folds: Int32Array.from(given, (_, row) => row % 5),
          unscored,
        })!;
        expect(facts).toMatchObject({ rows: given.length, unscored });
        expect([facts.error.shares, facts.error.calibrated].every((error) => error >= 0 && error <= 1)).toBe(true);
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it.each([
    [98, 2, false],
    [97, 3, true],
    [2000, 40, false],
    [2000, 41, true],
  ])('of %i scored rows and %i that could not be has too many of these: %s', (rows, unscored, found) => {
    expect(tooManyUnscored({ rows, unscored })).toBe(found);
  });
});
