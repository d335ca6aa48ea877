import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../src/policies/candidate.js';
import { NearDuplicates } from '../../src/policies/near-duplicates.js';
import { distanceBetween, type Metric } from '../../src/retrieve/distance.js';
import { metrics } from './support.js';

/** Grids of quarters are exact in float32, so that many pairs are exactly as far apart as the limit. */
const quarter = fc.integer({ min: -4, max: 4 }).map((value) => value / 4);

/** Rows that differ from a few others in a few components, wherever these stand. */
const poolOf = (dims: number): fc.Arbitrary<Float32Array[]> => {
  const row = fc.array(quarter, { minLength: dims, maxLength: dims });
  const change = fc.record({ at: fc.nat(dims - 1), by: quarter });
  const variant = fc.record({ of: fc.nat(2), changes: fc.array(change, { maxLength: 3 }) });
  return fc
    .tuple(fc.array(row, { minLength: 3, maxLength: 3 }), fc.array(variant, { maxLength: 12 }))
    .map(([bases, variants]) =>
      variants.map(({ of, changes }) => {
        const values = Float32Array.from(bases[of]!);
        for (const { at, by } of changes) values[at]! += by;
        return values;
      }),
    );
};

const cases = fc.record({
  metric: metrics,
  limit: fc.constantFrom(0.25, 0.5, 0.01),
  rows: fc.constantFrom(1, 7, 8, 9, 24, 25, 40).chain(poolOf),
});

function candidates(rows: readonly Float32Array[], metric: Metric): Candidate[] {
  const query = Float32Array.from(rows[0] ?? [], (_, j) => 1 / (1 + j));
  return rows.map((vector, row) => ({
    row,
    example: { id: `r${row}`, input: `text ${row}`, label: 'a', metadata: {} },
    distance: distanceBetween(query, vector, metric),
    vector,
  }));
}

/** In float64, of the vectors as they are; a zero vector is near nothing by cosine. */
function squareBetween(a: Float32Array, b: Float32Array, metric: Metric): number {
  const [own, other] = metric === 'l2' ? [1, 1] : [1 / Math.hypot(...a), 1 / Math.hypot(...b)];
  return own === Infinity || other === Infinity
    ? Infinity
    : a.reduce((sum, value, j) => sum + (own * value - other * b[j]!) ** 2, 0);
}

describe('near-duplicates', () => {
  it('are those that every pair compared in full would give', () => {
    let found = 0;
    fc.assert(
      fc.property(cases, ({ metric, limit, rows }) => {
        const all = candidates(rows, metric);
        const near = new NearDuplicates(all.length, limit, metric);
        const kept: Candidate[] = [];
        const most = metric === 'l2' ? limit * limit : 2 * limit;
        for (const candidate of all) {
          const squares = kept.map((other) => squareBetween(other.vector, candidate.vector, metric));
          // Scaled to unit length, a pair at the limit may fall on either side.
          fc.pre(metric === 'l2' || squares.every((square) => Math.abs(square - most) > 1e-9));
          const expected = kept[squares.findIndex((square) => square <= most)];
          expect(near.findOrKeep(candidate)).toBe(expected);
          if (expected === undefined) kept.push(candidate);
          else found += 1;
        }
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect(found).toBeGreaterThan(1000);
  });
});
