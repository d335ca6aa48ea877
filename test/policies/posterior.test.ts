import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrowLabels, posterior, voteShares, voteWeights } from '../../src/policies/posterior.js';
import { candidate } from './support.js';

const at = (distance: number, label: string, row = 0) => ({ ...candidate(row, [0, 0, 0], { label }), distance });

describe('the weights of a vote', () => {
  it('fall from 1 with the distance, at a pace that no scale changes', () => {
    const neighbours = Array.from({ length: 40 }, (_, i) => at(1 + i / 10, 'a', i));
    const weights = voteWeights(neighbours);
    expect(weights[0]).toBe(1);
    expect(weights[19]).toBeCloseTo(Math.exp(-3), 12);
    const scaled = voteWeights(neighbours.map((one) => ({ ...one, distance: one.distance * 1000 })));
    scaled.forEach((weight, i) => {
      expect(weight).toBeCloseTo(weights[i]!, 9);
    });
  });

  it('are equal where distances are', () => {
    expect([...voteWeights([at(1, 'a'), at(1, 'b'), at(1, 'c')])]).toEqual([1, 1, 1]);
    expect([...voteWeights([])]).toEqual([]);
  });
});

describe('a posterior', () => {
  const shares = fc
    .array(fc.tuple(fc.double({ min: 0, max: 5, noNaN: true }), fc.constantFrom('a', 'b', 'c')), {
      minLength: 1,
      maxLength: 30,
    })
    .map((rows) => voteShares(rows.map(([distance, label], row) => at(distance, label, row))));

  it('sums to 1 with what none of the labels explains, and its first label is the likeliest', () => {
    fc.assert(
      fc.property(shares, fc.double({ min: -8, max: 8, noNaN: true }), (given, intercept) => {
        for (const calibration of [undefined, { method: 'platt' as const, slope: 0.5, intercept }]) {
          const { labels, other, confidence } = posterior(given, calibration);
          const sum = labels.reduce((total, { probability }) => total + probability, other);
          expect(sum).toBeCloseTo(1, 9);
          expect(labels[0]!.probability).toBe(confidence);
          expect(labels.every(({ probability }) => probability >= 0 && probability <= confidence)).toBe(true);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('of nobody knows nothing', () => {
    expect(posterior([])).toEqual({ labels: [], other: 1, confidence: 0, calibrated: false });
  });
});

describe('a list of labels', () => {
  const likely = {
    labels: [
      { label: 'b', probability: 0.7 },
      { label: 'a', probability: 0.2 },
    ],
    other: 0.1,
    confidence: 0.7,
    calibrated: true,
  };

  it('is narrowed to what is likely and what is shown, in its own order', () => {
    const labels = ['a', 'b', 'c', 'd'];
    expect(narrowLabels(labels, likely, ['d'], 0.3)).toEqual(['b', 'd']);
    expect(narrowLabels(labels, likely, ['b'], 0.2)).toEqual(['a', 'b']);
  });

  it('stays whole where too much is unexplained, or nothing of it is likely', () => {
    expect(narrowLabels(['a', 'b', 'c'], likely, [], 0.05)).toEqual(['a', 'b', 'c']);
    expect(narrowLabels(['x', 'y'], likely, [], 0.2)).toEqual(['x', 'y']);
  });

  it('never loses a label of an example (property)', () => {
    const labels = ['a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(fc.subarray(labels), fc.double({ min: 0, max: 0.99, noNaN: true }), (shown, alpha) => {
        const kept = narrowLabels(labels, likely, shown, alpha);
        expect(shown.filter((label) => !kept.includes(label))).toEqual([]);
        expect(kept).toEqual(labels.filter((label) => kept.includes(label)));
      }),
    );
  });
});
