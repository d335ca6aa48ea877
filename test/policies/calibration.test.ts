/** On simulated queries, whose chance of being right is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { abstainThreshold, highestShown } from '../../src/policies/abstention.js';
import { calibrated, CALIBRATION_METHODS, calibrationError, fitCalibration } from '../../src/policies/calibration.js';

interface Judged {
  readonly scores: number[];
  readonly hits: boolean[];
}

/** @param truth probability that a score is right */
function simulate(count: number, name: string, truth: (score: number) => number): Judged {
  const rng = Rng.stream(7, name);
  const scores = Array.from({ length: count }, () => 1 - 0.8 * rng.float() ** 2);
  return { scores, hits: scores.map((score) => rng.float() < truth(score)) };
}

const logit = (p: number): number => Math.log(p / (1 - p));
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const clamp = (p: number): number => Math.min(1 - 1e-6, Math.max(1e-6, p));

/** Shares of a vote are surer than they should be, or bend. */
const TRUTHS: Readonly<Record<string, (score: number) => number>> = {
  overconfident: (score) => sigmoid(0.4 * logit(clamp(score))),
  shifted: (score) => sigmoid(0.8 * logit(clamp(score)) - 1),
  bent: (score) => 0.2 + 0.7 * score ** 3,
};

const gap = (fitted: Judged, other: Judged, method?: (typeof CALIBRATION_METHODS)[number]): number => {
  const calibration = fitCalibration(fitted.scores, fitted.hits, method);
  return calibrationError(
    other.scores.map((score) => calibrated(calibration, score)),
    other.hits,
  );
};

describe('calibration', () => {
  it.each(Object.entries(TRUTHS))('of 3,000 queries, %s: ECE at most 0.05 on 10,000 others', (name, truth) => {
    const test = simulate(10_000, `${name} test`, truth);
    const before = calibrationError(test.scores, test.hits);
    const after = gap(simulate(3000, name, truth), test);
    expect(before).toBeGreaterThan(0.1);
    expect(after).toBeLessThan(0.05);
  });

  it('of 300 queries has two parameters, and still at most 0.05 where its shape holds', () => {
    const [fitted, test] = ['few', 'few test'].map((name, i) =>
      simulate(i === 0 ? 300 : 10_000, name, TRUTHS['shifted']!),
    );
    expect(fitCalibration(fitted!.scores, fitted!.hits).method).toBe('platt');
    expect(gap(fitted!, test!)).toBeLessThan(0.05);
  });

  it('finds the parameters that made the data', () => {
    const { scores, hits } = simulate(50_000, 'parameters', TRUTHS['shifted']!);
    const fit = fitCalibration(scores, hits, 'platt');
    expect(fit.method === 'platt' && [fit.slope, fit.intercept].map((value) => value.toFixed(1))).toEqual([
      '0.8',
      '-1.0',
    ]);
    const one = simulate(50_000, 'one parameter', TRUTHS['overconfident']!);
    const temperature = fitCalibration(one.scores, one.hits, 'temperature');
    expect(temperature.method === 'temperature' && temperature.slope).toBeCloseTo(0.4, 1);
  });

  it('never falls as the score rises, stays between 0 and 1, and survives JSON', () => {
    const judged = fc.array(fc.tuple(fc.constantFrom(0, 0.1, 0.4, 0.5, 0.9, 1), fc.boolean()), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(judged, fc.constantFrom(...CALIBRATION_METHODS), (rows, method) => {
        const fit = fitCalibration(
          rows.map(([score]) => score),
          rows.map(([, hit]) => hit),
          method,
        );
        const kept = JSON.parse(JSON.stringify(fit)) as typeof fit;
        const values = Array.from({ length: 21 }, (_, i) => calibrated(kept, i / 20));
        expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
        values.slice(1).forEach((value, i) => {
          expect(value).toBeGreaterThanOrEqual(values[i]! - 1e-12);
        });
      }),
      { numRuns: 1000, seed: 1 },
    );
  });

  it.each(CALIBRATION_METHODS)('%s of 50 queries whose scores tell right from wrong is sure of none', (method) => {
    const scores = Array.from({ length: 50 }, (_, i) => i / 50);
    const fit = fitCalibration(scores, scores.map((score) => score > 0.5), method); // prettier-ignore
    const [least, most] = [calibrated(fit, 0), calibrated(fit, 1)];
    expect(least).toBeCloseTo(1 / 52, 12);
    expect(most).toBeCloseTo(1 - 1 / 52, 12);
  });

  it('isotonic is the best of all rising functions', () => {
    const fit = fitCalibration([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [false, true, false, false, true, true], 'isotonic');
    if (fit.method !== 'isotonic') throw new Error(fit.method);
    expect(fit.scores.map((score) => score.toFixed(2))).toEqual(['0.10', '0.30', '0.55']);
    expect(fit.precisions[1]).toBeCloseTo(1 / 3, 12);
  });

  it.each([
    ['no scores', [], [], '0 scores and 0 hits'],
    ['other counts', [0.5], [], '1 scores and 0 hits'],
    ['a score beyond 1', [0.5, 1.5], [true, true], 'score 1 is 1.5, it must be from 0 to 1'],
    ['no number', [NaN], [true], 'score 0 is NaN'],
  ])('refuses %s', (_, scores, hits, message) => {
    expect(() => fitCalibration(scores, hits)).toThrow(message);
    expect(() => calibrationError(scores, hits)).toThrow(message);
    expect(() => abstainThreshold(scores, hits, { precision: 0.9 })).toThrow(message);
  });
});

describe('abstention', () => {
  it.each([0.8, 0.9, 0.95])('at %d holds its precision on other queries, 95 times of 100', (precision) => {
    const truth = (score: number): number => sigmoid(1.5 * logit(clamp(score)));
    const all = simulate(20_000, 'all', truth).scores;
    const runs = 200;
    let broken = 0;
    let coverage = 0;
    for (let run = 0; run < runs; run++) {
      const { scores, hits } = simulate(1000, `abstain ${run}`, truth);
      const found = abstainThreshold(scores, hits, { precision });
      if (found === undefined) continue;
      expect(found.precision).toBeGreaterThan(precision);
      coverage += found.coverage / runs;
      // What holds of all queries above the threshold, and not of a sample.
      const above = all.filter((score) => score >= found.threshold);
      const holds = above.reduce((sum, score) => sum + truth(score), 0) / above.length;
      if (holds < precision) broken++;
    }
    expect(broken / runs).toBeLessThanOrEqual(0.05);
    expect(coverage).toBeGreaterThan(0.1);
  });

  it('answers all queries where all are right often enough, and promises nothing that too few show', () => {
    const right = Array.from({ length: 500 }, () => true);
    const scores = right.map((_, i) => i / 500);
    expect(abstainThreshold(scores, right, { precision: 0.9 })).toEqual({ threshold: 0, coverage: 1, precision: 1 });
    expect(abstainThreshold([0.9, 0.8], [true, true], { precision: 0.9 })).toBeUndefined();
    expect(
      abstainThreshold(
        scores,
        right.map(() => false),
        { precision: 0.9 },
      ),
    ).toBeUndefined();
  });

  it('knows the most that it shows', () => {
    const judged = fc.array(fc.record({ score: fc.float({ min: 0, max: 1, noNaN: true }), hit: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(judged, (all) => {
        const [scores, hits] = [all.map(({ score }) => score), all.map(({ hit }) => hit)];
        const most = highestShown(scores, hits);
        const shows = (precision: number): boolean => abstainThreshold(scores, hits, { precision }) !== undefined;
        if (most > 0) expect(shows(most)).toBe(true);
        expect(shows(Math.min(0.9999, most + 0.001))).toBe(false);
      }),
      { numRuns: 300, seed: 1 },
    );
    // Clopper & Pearson's limit of 12 of 12 at a risk of 0.05 for 20 shares: 0.0025^(1/12) = 0.6070.
    expect(highestShown(Array(12).fill(0.5), Array(12).fill(true))).toBe(0.606);
  });

  it.each([
    [{ precision: 1 }, 'precision is 1'],
    [{ precision: 0.9, risk: 0 }, 'risk is 0'],
    [{ precision: NaN }, 'precision is NaN'],
  ])('refuses %o', (target, message) => {
    expect(() => abstainThreshold([0.5], [true], target)).toThrow(`${message}, it must be above 0 and below 1`);
  });
});
