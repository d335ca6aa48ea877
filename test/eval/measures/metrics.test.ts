import fc from 'fast-check';
import { mean } from 'simple-statistics';
import { describe, expect, it } from 'vitest';

import {
  averagePrecision,
  classScores,
  confusion,
  labelHitAt,
  macroF1,
  meanAveragePrecision,
  meanPerClassAccuracy,
  meanReciprocalRank,
  ownLabels,
  recallAt,
  reciprocalRank,
  sameLabelShareAt,
} from '../../../src/eval/measures/metrics.js';
import { readGolden } from '../../support/golden.js';

interface Classes {
  readonly name: string;
  readonly truth: string[];
  readonly predicted: string[];
  readonly labels: string[];
  readonly counts: number[][];
  readonly support: number[];
  readonly precision: number[];
  readonly recall: number[];
  readonly f1: number[];
  readonly macroF1: number;
  readonly trueClasses: string[];
  readonly macroF1True: number;
  readonly balanced: number;
}

interface Ranking {
  readonly name: string;
  readonly truth: string[];
  readonly neighbours: string[][];
  readonly scores: number[][];
  readonly relevant: number[];
  readonly k: number;
  readonly hit: number[];
  readonly share: number[];
  readonly recall: number[];
  readonly reciprocalRank: number[];
  readonly averagePrecision: number[];
  readonly tied: number[];
  readonly worst: number[];
  readonly best: number[];
}

const golden = readGolden('metrics/metrics.json') as { readonly classes: Classes[]; readonly rankings: Ranking[] };
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;

function expectClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i]!), `${value} at ${i} instead of ${expected[i]!}`).toBeLessThanOrEqual(
      tolerance,
    );
  });
}

describe('predictions, as scikit-learn scores them', () => {
  it.each(golden.classes)('$name', ({ truth, predicted, ...expected }) => {
    const table = confusion(truth, predicted);
    expect(table).toEqual({ labels: expected.labels, counts: expected.counts });
    const scores = classScores(table);
    expect(scores.map(({ label }) => label)).toEqual(expected.labels);
    expect(scores.map(({ support }) => support)).toEqual(expected.support);
    for (const figure of ['precision', 'recall', 'f1'] as const) {
      expectClose(
        scores.map((score) => score[figure]),
        expected[figure],
      );
    }
    expectClose([macroF1(table)], [expected.macroF1]);
    expectClose([macroF1(table, expected.trueClasses)], [expected.macroF1True]);
    expectClose([meanPerClassAccuracy(table)], [expected.balanced]);
  });

  it('the fixture has what is easily got wrong', () => {
    const scores = golden.classes.map(({ support, counts }) => ({
      neverPredicted: support.some((s, c) => s > 0 && counts.every((row) => row[c] === 0)),
      neverTrue: support.includes(0),
      single: support.length === 1,
    }));
    for (const kind of ['neverPredicted', 'neverTrue', 'single'] as const) {
      expect(scores.some((score) => score[kind])).toBe(true);
    }
  });

  it('counts a class that neither list has as 0, as scikit-learn does', () => {
    expect(macroF1(confusion(['a'], ['a']), ['a', 'b'])).toBe(0.5);
  });

  it('refuses lists that do not pair, and none at all', () => {
    expect(() => confusion(['a'], [])).toThrow(invalid);
    expect(() => confusion([], [])).toThrow(invalid);
    expect(() => macroF1(confusion(['a'], ['a']), [])).toThrow(invalid);
  });

  it('does not take a label for a property of objects', () => {
    const labels = ['__proto__', 'constructor', ''];
    expect(meanPerClassAccuracy(confusion(labels, labels))).toBe(1);
    expect(macroF1(confusion(labels, labels))).toBe(1);
  });
});

describe('rankings, as scikit-learn scores them', () => {
  it.each(golden.rankings)('$name', ({ truth, neighbours, relevant, k, ...expected }) => {
    const own = ownLabels(truth, neighbours);
    expect(own.map((list) => labelHitAt(k, list))).toEqual(expected.hit);
    expectClose(
      own.map((list, i) => recallAt(k, list, relevant[i]!)),
      expected.recall,
    );
    expectClose(own.map(reciprocalRank), expected.reciprocalRank);
    expectClose([meanReciprocalRank(own)], [mean(expected.reciprocalRank)]);
    expectClose(
      own.map((list, i) => averagePrecision(list, relevant[i]!)),
      expected.averagePrecision,
    );
    expectClose([meanAveragePrecision(own, relevant)], [mean(expected.averagePrecision)]);
    expectClose(
      own.map((list) => sameLabelShareAt(k, list)),
      expected.share,
    );
  });

  // Where scikit-learn's average precision is another: equal scores are one step of its curve, whatever their order; here the order counts.
  it.each(golden.rankings)('$name: tied scores', ({ truth, neighbours, scores, relevant, tied, worst, best }) => {
    const own = ownLabels(truth, neighbours);
    const inTies = (first: boolean) => (query: boolean[], i: number) =>
      averagePrecision(
        query
          .map((same, place) => ({ same, score: scores[i]![place]! }))
          .sort((a, b) => b.score - a.score || (a.same === first ? -1 : 1) - (b.same === first ? -1 : 1))
          .map(({ same }) => same),
        relevant[i]!,
      );
    const lists = own.map((list) => [...list]);
    expectClose(lists.map(inTies(true)), best);
    expectClose(lists.map(inTies(false)), worst);
    tied.forEach((value, i) => {
      expect(value).toBeGreaterThanOrEqual(worst[i]! - 1e-12);
      expect(value).toBeLessThanOrEqual(best[i]! + 1e-12);
    });
  });

  it('the fixture has ties that change the average precision, and labels that the pool lacks', () => {
    const ties = golden.rankings.find(({ name }) => name === 'ties')!;
    expect(ties.tied.some((value, i) => Math.abs(value - ties.averagePrecision[i]!) > 0.01)).toBe(true);
    expect(golden.rankings.some(({ relevant }) => relevant.includes(0))).toBe(true);
    expect(golden.rankings[0]!.tied).toEqual(golden.rankings[0]!.averagePrecision);
  });
});

describe('lists of k', () => {
  const own = [false, true, true, false, true];

  it('by hand', () => {
    expect(labelHitAt(1, own)).toBe(0);
    expect(labelHitAt(2, own)).toBe(1);
    expect(sameLabelShareAt(4, own)).toBe(0.5);
    expect(reciprocalRank(own)).toBe(0.5);
    expect(recallAt(3, own, 8)).toBe(0.25);
    expect(averagePrecision(own, 8)).toBeCloseTo((1 / 2 + 2 / 3 + 3 / 5) / 8, 15);
  });

  it('shorter than k: the share is of those shown, the recall of those there are', () => {
    expect(sameLabelShareAt(20, own)).toBe(0.6);
    expect(recallAt(20, own, 6)).toBe(0.5);
  });

  it('empty: nothing is found', () => {
    expect([labelHitAt(5, []), sameLabelShareAt(5, []), reciprocalRank([])]).toEqual([0, 0, 0]);
    expect([recallAt(5, [], 3), averagePrecision([], 3), averagePrecision([], 0)]).toEqual([0, 0, 0]);
  });

  it('a label nearer to the query never lowers a score', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 2, maxLength: 30 }), fc.nat(), fc.nat(35), (list, at, more) => {
        const i = at % (list.length - 1);
        fc.pre(!list[i]! && list[i + 1]!);
        const better = list.with(i, true).with(i + 1, false);
        const relevant = list.filter(Boolean).length + more;
        const k = (at % 30) + 1;
        expect(averagePrecision(better, relevant)).toBeGreaterThan(averagePrecision(list, relevant));
        expect(reciprocalRank(better)).toBeGreaterThanOrEqual(reciprocalRank(list));
        expect(recallAt(k, better, relevant)).toBeGreaterThanOrEqual(recallAt(k, list, relevant));
        expect(sameLabelShareAt(k, better)).toBeGreaterThanOrEqual(sameLabelShareAt(k, list));
        expect(labelHitAt(k, better)).toBeGreaterThanOrEqual(labelHitAt(k, list));
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses k = %d', (k) => {
    expect(() => labelHitAt(k, own)).toThrow(invalid);
    expect(() => sameLabelShareAt(k, own)).toThrow(invalid);
    expect(() => recallAt(k, own, 3)).toThrow(invalid);
  });

  it.each([2, 3.5, Number.NaN])('refuses a pool of %d with three in the list', (relevant) => {
    expect(() => recallAt(1, own, relevant)).toThrow(invalid);
    expect(() => averagePrecision(own, relevant)).toThrow(invalid);
  });

  it('refuses lists that do not pair, and none at all', () => {
    expect(() => ownLabels(['a'], [])).toThrow(invalid);
    expect(() => ownLabels([], [])).toThrow(invalid);
    expect(() => meanReciprocalRank([])).toThrow(invalid);
    expect(() => meanAveragePrecision([own], [])).toThrow(invalid);
    expect(() => meanAveragePrecision([], [])).toThrow(invalid);
  });
});
