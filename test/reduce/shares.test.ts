import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultShares, queriesAt, rowsAt } from '../../src/reduce/shares.js';

const PARTS = { supervised: 2, unsupervised: 3 };
const WIDTH = 5;

const length = (part: readonly number[]): number => Math.hypot(...part);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
};
const unit = (part: readonly number[]): number[] => part.map((value) => value / (length(part) || 1));
const part = (width: number) => fc.array(fc.integer({ min: -5, max: 5 }), { minLength: width, maxLength: width });
const vector = fc.record({ u: part(PARTS.supervised).map(unit), p: part(PARTS.unsupervised).map(unit) });
type Vector = { readonly u: readonly number[]; readonly p: readonly number[] };

/** As a blend of that share has it. */
const joined = ({ u, p }: Vector, share: number): Float32Array =>
  Float32Array.of(...u.map((v) => Math.sqrt(share) * v), ...p.map((v) => Math.sqrt(1 - share) * v));
const stored = (v: Vector): Float32Array => joined(v, 0.5);
const isWhole = ({ u, p }: Vector): boolean => length(u) > 0 && length(p) > 0;

describe('shares of a blend', () => {
  it('give a query and stored rows the cosine of a blend of that share', () => {
    fc.assert(
      fc.property(vector, vector, fc.double({ min: 0, max: 1, noNaN: true }), (q, x, share) => {
        const product = dot(queriesAt(share, stored(q), PARTS), stored(x));
        // A part that is all zeros is at cosine 0 to everything.
        expect(product).toBeCloseTo(share * dot(q.u, x.u) + (1 - share) * dot(q.p, x.p), 5);
        const [a, b] = [joined(q, share), joined(x, share)];
        if (isWhole(q) && isWhole(x)) expect(product).toBeCloseTo(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), 5);
      }),
    );
  });

  it('give rows the form of a blend of that share', () => {
    fc.assert(
      fc.property(vector, fc.double({ min: 0, max: 1, noNaN: true }), (x, share) => {
        const expected = joined(x, share);
        rowsAt(share, stored(x), PARTS).forEach((value, j) => {
          expect(value).toBeCloseTo(expected[j]!, 5);
        });
      }),
    );
  });

  it('change nothing at equal shares, and leave one part alone at the ends, in every row', () => {
    const two = Float32Array.of(0.6, 0.8, 1, 2, 3, 0.8, 0.6, 4, 5, 6);
    expect(queriesAt(0.5, two, PARTS)).toEqual(two);
    expect(rowsAt(0.5, two, PARTS)).toEqual(two);
    const doubled = two.map((value) => 2 * value);
    expect(queriesAt(1, two, PARTS)).toEqual(doubled.map((value, at) => (at % WIDTH < 2 ? value : 0)));
    expect(queriesAt(0, two, PARTS)).toEqual(doubled.map((value, at) => (at % WIDTH < 2 ? 0 : value)));
  });

  it('are refused for vectors of other parts', () => {
    expect(() => queriesAt(0.3, new Float32Array(6), PARTS)).toThrow(
      expect.objectContaining({ code: 'INVALID_VECTOR' }),
    );
  });

  it('let the labels vote alone where they have more than one direction', () => {
    expect(defaultShares(2)).toEqual({ selection: 0.5, vote: 1 });
    expect(defaultShares(1)).toEqual({ selection: 0.5, vote: 0.5 });
  });
});
