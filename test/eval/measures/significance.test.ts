import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Rng } from '../../../src/core/rng.js';
import { pairedBootstrap } from '../../../src/eval/measures/intervals.js';
import { discordantPairs, holm, mcnemar, pairedBootstrapTest } from '../../../src/eval/measures/significance.js';
import { readGolden } from '../../support/golden.js';

const golden = readGolden('metrics/significance.json') as {
  /** onlyA, onlyB, then p: exact, mid-p, chi-squared corrected and plain. */
  readonly mcnemar: [number, number, number, number, number, number][];
  readonly holm: { readonly p: number[]; readonly adjusted: number[] }[];
  readonly bootstrap: { readonly n: number; readonly onlyA: number; readonly onlyB: number; readonly p: number }[];
};
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
/** scipy 1.17.1: 2·norm.sf(z), z = 2.998, 3, 3.002. */
const SEAM = [0.0027175767337414163, 0.0026997960632601866, 0.0026821217573535757] as const;
/** Relative error. */
const off = (value: number, expected: number): number =>
  Math.abs(value - expected) / Math.max(expected, Number.MIN_VALUE);

describe('discordantPairs', () => {
  it('counts what one alone got right', () => {
    expect(discordantPairs([true, true, false, false, true], [true, false, true, false, false])).toEqual({
      onlyA: 2,
      onlyB: 1,
    });
  });

  it('refuses other queries', () => {
    expect(() => discordantPairs([true], [true, false])).toThrow(invalid);
  });
});

describe('mcnemar', () => {
  const few = golden.mcnemar.filter(([onlyA, onlyB]) => onlyA + onlyB <= 200);

  it.each(few)('%d against %d, exact: as scipy', (onlyA, onlyB, exact) => {
    const result = mcnemar({ onlyA, onlyB });
    expect(result).toMatchObject({ onlyA, onlyB, test: 'exact' });
    expect(off(result.p, exact)).toBeLessThan(1e-12);
  });

  it.each(few)('%d against %d, mid-p: all that is further out and half of what is as far', (onlyA, onlyB, _, midP) => {
    const result = mcnemar({ onlyA, onlyB }, { midP: true });
    expect(result.test).toBe('mid-p');
    expect(off(result.p, midP)).toBeLessThan(1e-12);
  });

  describe.each(golden.mcnemar)('%d against %d', (onlyA, onlyB, _exact, _midP, corrected, plain) => {
    const pairs = { onlyA, onlyB };

    it('chi-squared, as statsmodels', () => {
      // statsmodels corrects 1 away even where there is no difference, and so finds one; here that is p = 1.
      const expected = onlyA === onlyB ? 1 : corrected;
      const result = mcnemar(pairs, { exactUpTo: 0 });
      expect(result.test).toBe('chi-squared');
      expect(off(result.p, expected)).toBeLessThan(1e-12);
      expect(off(mcnemar(pairs, { exactUpTo: 0, midP: true }).p, plain)).toBeLessThan(1e-12);
    });

    it('does not ask which is A', () => {
      for (const midP of [false, true]) {
        expect(mcnemar({ onlyA: onlyB, onlyB: onlyA }, { midP }).p).toBe(mcnemar(pairs, { midP }).p);
      }
    });
  });

  it('goes over to chi-squared where the two say the same', () => {
    for (let fewer = 60; fewer < 100; fewer++) {
      const pairs = { onlyA: fewer, onlyB: 200 - fewer };
      for (const midP of [false, true]) {
        const [sum, limit] = [mcnemar(pairs, { midP }), mcnemar(pairs, { midP, exactUpTo: 199 })];
        expect([sum.test, limit.test]).toEqual([midP ? 'mid-p' : 'exact', 'chi-squared']);
        // 2 % of p where p decides (above 0.01), and never 2e-3.
        expect(Math.abs(sum.p - limit.p)).toBeLessThan(sum.p > 0.01 ? 0.02 * sum.p : 2e-3);
      }
    }
    expect(mcnemar({ onlyA: 90, onlyB: 111 }).test).toBe('chi-squared');
  });

  it('says nothing without discordant pairs', () => {
    expect(mcnemar({ onlyA: 0, onlyB: 0 })).toEqual({ onlyA: 0, onlyB: 0, p: 1, test: 'exact' });
    expect(mcnemar({ onlyA: 0, onlyB: 0 }, { midP: true, exactUpTo: 0 }).p).toBe(1);
  });

  it('stays within 0 … 1, even with more pairs than a table holds', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), fc.boolean(), (onlyA, onlyB, midP) => {
        const { p } = mcnemar({ onlyA, onlyB }, { midP });
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
      }),
    );
    const many = { onlyA: 2_000_000, onlyB: 2_000_000 };
    expect(mcnemar(many, { exactUpTo: Infinity })).toMatchObject({ p: 1, test: 'chi-squared' });
    expect(mcnemar({ onlyA: 0, onlyB: 1e9 }).p).toBe(0);
  });

  it('the tail of chi-squared is without a seam between its two halves', () => {
    // z = 3 − 1/1000, 3 and 3 + 1/1000 as (b − c)/√(b + c) with b + c = 10⁶
    const at = (difference: number) => ({ onlyA: (1e6 - difference) / 2, onlyB: (1e6 + difference) / 2 });
    const p = (difference: number): number => mcnemar(at(difference), { midP: true }).p;
    expect(p(2998) / p(3000)).toBeCloseTo(SEAM[0] / SEAM[1], 12);
    expect(off(p(2998), SEAM[0])).toBeLessThan(1e-12);
    expect(off(p(3000), SEAM[1])).toBeLessThan(1e-12);
    expect(off(p(3002), SEAM[2])).toBeLessThan(1e-12);
  });

  it.each([
    [-1, 2],
    [0.5, 2],
    [1, Number.NaN],
    [Infinity, 1],
  ])('refuses %d against %d', (onlyA, onlyB) => {
    expect(() => mcnemar({ onlyA, onlyB })).toThrow(invalid);
  });
});

describe('pairedBootstrapTest', () => {
  function sample({ n, onlyA, onlyB }: { n: number; onlyA: number; onlyB: number }): [boolean[], boolean[]] {
    const items = Array.from({ length: n }, (_, i) => i);
    return [items.map((i) => i < onlyA), items.map((i) => i >= onlyA && i < onlyA + onlyB)];
  }

  it.each(golden.bootstrap)('approaches the ideal bootstrap: $onlyA against $onlyB of $n', ({ p, ...given }) => {
    const [a, b] = sample(given);
    const resamples = 10_000;
    const result = pairedBootstrapTest([a], [b], Rng.stream(0, 'ideal'), resamples);
    // Twice a share: four of its standard errors, and the one counted in.
    const tolerance = (8 * Math.sqrt((p / 2) * (1 - p / 2))) / Math.sqrt(resamples) + 2 / resamples;
    expect(Math.abs(result.p - p)).toBeLessThan(tolerance);
  });

  it('has the interval of pairedBootstrap, and agrees with it', () => {
    for (let seed = 0; seed < 40; seed++) {
      const rng = (): Rng => Rng.stream(seed, 'agree');
      const [a, b] = sample({ n: 120, onlyA: 12, onlyB: 14 + (seed % 20) });
      const { p, ...interval } = pairedBootstrapTest([a], [b], rng(), 999);
      expect(interval).toEqual(pairedBootstrap([a], [b], rng(), 999));
      if (p < 0.05 - 4 / 1000) expect(interval.low > 0 || interval.high < 0).toBe(true);
      if (p > 0.05 + 4 / 1000) expect(interval.low <= 0 && interval.high >= 0).toBe(true);
    }
  });

  it('takes several runs, and scores other than right and wrong', () => {
    const rng = (): Rng => Rng.stream(1, 'runs');
    const scores = (of: string): number[][] =>
      [0, 1, 2].map((run) => Array.from(Rng.stream(run, of).uniform(80, 1), (value) => value));
    const a = scores('a');
    const b = a.map((run) => run.map((score) => score + 0.25));
    expect(pairedBootstrapTest(a, b, rng(), 99)).toMatchObject({ p: 2 / 100 });
    const p = pairedBootstrapTest(a, scores('b'), rng(), 499).p;
    expect(p).toBeGreaterThan(0.01);
    expect(pairedBootstrapTest(scores('b'), a, rng(), 499).p).toBe(p);
  });

  it('can be told from chance after correction for ten comparisons, and takes fewer resamples of many scores', () => {
    const [none, all] = [false, true].map((right) => Array.from({ length: 3 }, () => Array<boolean>(50).fill(right)));
    const { p } = pairedBootstrapTest(none!, all!, Rng.stream(0));
    expect(p).toBe(2 / 10_001);
    expect(holm([p, ...Array<number>(9).fill(0.5)])[0]).toBeLessThan(0.01);
    const [few, many] = [0, 1].map((score) => [new Float64Array(50_000).fill(score)]);
    expect(pairedBootstrapTest(few!, many!, Rng.stream(0)).p).toBe(2 / 4001);
  });

  it('finds no difference between a method and itself', () => {
    const [a] = sample({ n: 30, onlyA: 7, onlyB: 4 });
    expect(pairedBootstrapTest([a], [a], Rng.stream(0), 50)).toEqual({ difference: 0, low: 0, high: 0, p: 1 });
  });

  it('refuses other items', () => {
    expect(() => pairedBootstrapTest([[1]], [[1, 0]], Rng.stream(0))).toThrow(invalid);
    expect(() => pairedBootstrapTest([], [], Rng.stream(0))).toThrow(invalid);
  });
});

describe('holm', () => {
  it.each(golden.holm)('adjusts $p.length p-values as statsmodels', ({ p, adjusted }) => {
    holm(p).forEach((value, i) => {
      expect(Math.abs(value - adjusted[i]!)).toBeLessThan(1e-12);
    });
    expect(holm(p).length).toBe(p.length);
  });

  it('keeps the order, raises no p-value above 1, lowers none', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (ps) => {
        const adjusted = holm(ps);
        ps.forEach((p, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p);
          expect(adjusted[i]).toBeLessThanOrEqual(1);
          ps.forEach((q, j) => {
            if (p < q) expect(adjusted[i]!).toBeLessThanOrEqual(adjusted[j]!);
          });
        });
      }),
    );
  });

  it.each([-0.1, 1.1, Number.NaN])('refuses %d', (p) => {
    expect(() => holm([0.5, p])).toThrow(invalid);
  });
});
