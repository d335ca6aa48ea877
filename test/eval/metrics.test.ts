import { describe, expect, it } from 'vitest';

import {
  accuracy,
  classScores,
  confusion,
  correctness,
  labelHitAt,
  macroF1,
  meanPerClassAccuracy,
  sameLabelShareAt,
} from '../../src/eval/metrics.js';

// Goldens: scikit-learn 1.9.1 (accuracy_score, f1_score, recall_score, confusion_matrix, precision_recall_fscore_support) on
// these lists; "e" is predicted but never true, "d" true but never predicted.
const TRUTH = Array.from('aaaaabbbbcccd');
const PREDICTED = Array.from('aaabcbbacccea');

describe('scores against scikit-learn', () => {
  const table = confusion(TRUTH, PREDICTED);

  it('confusion', () => {
    expect(table).toEqual({
      labels: ['a', 'b', 'c', 'd', 'e'],
      counts: [
        [3, 1, 1, 0, 0],
        [1, 2, 1, 0, 0],
        [0, 0, 2, 0, 1],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
      ],
    });
  });

  it('accuracy, macro F1 and mean per class', () => {
    expect(accuracy(TRUTH, PREDICTED)).toBeCloseTo(0.5384615384615384, 14);
    expect(macroF1(table)).toBeCloseTo(0.34857142857142853, 14);
    expect(meanPerClassAccuracy(table)).toBeCloseTo(0.44166666666666665, 14);
  });

  it('precision, recall, F1 and support of each class', () => {
    const expected = [
      ['a', 5, 0.6, 0.6, 0.6],
      ['b', 4, 0.66666667, 0.5, 0.57142857],
      ['c', 3, 0.5, 0.66666667, 0.57142857],
      ['d', 1, 0, 0, 0],
      ['e', 0, 0, 0, 0],
    ] as const;
    classScores(table).forEach((score, c) => {
      const [label, support, precision, recall, f1] = expected[c]!;
      expect(score).toMatchObject({ label, support });
      expect(score.precision).toBeCloseTo(precision, 8);
      expect(score.recall).toBeCloseTo(recall, 8);
      expect(score.f1).toBeCloseTo(f1, 8);
    });
  });

  it('correctness', () => {
    expect([...correctness(TRUTH, PREDICTED)]).toEqual([1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0]);
  });
});

it('takes labels that are names of Object.prototype', () => {
  const table = confusion(['__proto__', 'constructor'], ['__proto__', '__proto__']);
  expect(table.counts).toEqual([
    [1, 0],
    [1, 0],
  ]);
});

describe('neighbour labels', () => {
  const truth = ['a', 'b', 'c', 'd'];
  const neighbours = [['a', 'a', 'b', 'c'], ['a', 'c', 'b', 'b'], ['c'], []];

  it('label hit@k', () => {
    expect(labelHitAt(1, truth, neighbours)).toBe(2 / 4);
    expect(labelHitAt(2, truth, neighbours)).toBe(2 / 4);
    expect(labelHitAt(3, truth, neighbours)).toBe(3 / 4);
  });

  it('same-label share@k counts the neighbours there are', () => {
    expect(sameLabelShareAt(1, truth, neighbours)).toBe((1 + 0 + 1 + 0) / 4);
    expect(sameLabelShareAt(4, truth, neighbours)).toBe((0.5 + 0.5 + 1 + 0) / 4);
    expect(sameLabelShareAt(20, truth, neighbours)).toBe((0.5 + 0.5 + 1 + 0) / 4);
  });

  it.each([0, 1.5, Number.NaN])('refuses k = %d', (k) => {
    expect(() => labelHitAt(k, truth, neighbours)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('lists that do not fit', () => {
  const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;

  it('refuses unequal lengths', () => {
    expect(() => accuracy(['a'], ['a', 'b'])).toThrow(invalid);
    expect(() => confusion(['a', 'b'], ['a'])).toThrow(invalid);
    expect(() => sameLabelShareAt(1, ['a'], [])).toThrow(invalid);
  });

  it('refuses to score nothing, rather than answer NaN', () => {
    expect(() => accuracy([], [])).toThrow(invalid);
    expect(() => confusion([], [])).toThrow(invalid);
    expect(() => labelHitAt(1, [], [])).toThrow(invalid);
  });
});
