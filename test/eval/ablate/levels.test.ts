/** Which levels are tried, one factor at a time and crossed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FACTORS, type Factor, type FactorName, type Values } from '../../../src/eval/ablate/factors.js';
import { levelsCrossed, levelsOneAtATime } from '../../../src/eval/ablate/levels.js';

const NAMES = Object.keys(FACTORS) as FactorName[];

/** Factors with levels a … e, of which the default setting has one, among them or not. */
const plans = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }).chain((names) =>
  fc.record({
    factors: fc.tuple(
      ...names.map((name) =>
        fc
          .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 4 })
          .map((levels): Factor => ({ name, levels })),
      ),
    ),
    defaults: fc
      .tuple(...names.map(() => fc.constantFrom('a', 'b', 'c', 'd', 'e')))
      .map((levels): Values => Object.fromEntries(names.map((name, i) => [name, levels[i]!]))),
  }),
);

const distinct = (values: readonly unknown[]): number => new Set(values.map((value) => JSON.stringify(value))).size;
const differs = (a: Values, b: Values): FactorName[] => NAMES.filter((name) => a[name] !== b[name]);

describe('levelsOneAtATime', () => {
  it('changes one factor of the default setting, and tries each level once', () => {
    fc.assert(
      fc.property(plans, ({ factors, defaults }) => {
        const [first, ...others] = levelsOneAtATime(factors, { defaults, common: {} });
        expect(first).toMatchObject({ isDefault: true, varied: defaults, values: {}, factor: null });
        for (const { varied, factor, values } of others) {
          expect(differs(varied, defaults)).toEqual([factor]);
          expect(values).toEqual({ [factor!]: varied[factor!] });
        }
        const expected = factors.reduce(
          (sum, { name, levels }) => sum + levels.filter((level) => level !== defaults[name]).length,
          0,
        );
        expect(others).toHaveLength(expected);
        expect(distinct(others.map(({ varied }) => varied))).toBe(expected);
        expect(distinct(others.map(({ name }) => name))).toBe(expected);
      }),
    );
  });
});

describe('levelsCrossed', () => {
  it('tries every combination once, and the default setting first', () => {
    fc.assert(
      fc.property(plans, ({ factors, defaults }) => {
        const all = levelsCrossed(factors, { defaults, common: {} });
        const combinations = factors.reduce((product, { levels }) => product * levels.length, 1);
        const isAmong = factors.every(({ name, levels }) => levels.includes(defaults[name]!));
        expect(all).toHaveLength(combinations + (isAmong ? 0 : 1));
        expect(distinct(all.map(({ varied }) => varied))).toBe(all.length);
        expect(all.filter(({ isDefault }) => isDefault)).toEqual([all[0]]);
        for (const { varied, values } of all) {
          expect({ ...defaults, ...values }).toEqual(varied);
          expect(differs(varied, defaults).sort()).toEqual(Object.keys(values).sort());
        }
      }),
    );
  });

  it('has all that one factor at a time has, where the defaults are levels', () => {
    fc.assert(
      fc.property(plans, ({ factors, defaults }) => {
        const full = factors.map(({ name, levels }) => ({ name, levels: [...new Set([defaults[name]!, ...levels])] }));
        const crossed = levelsCrossed(full, { defaults, common: {} }).map(({ varied }) => JSON.stringify(varied));
        for (const { varied } of levelsOneAtATime(full, { defaults, common: {} })) {
          expect(crossed).toContain(JSON.stringify(varied));
        }
      }),
    );
  });

  it('keeps what all levels have in common, and lets the last factor change fastest', () => {
    const factors: Factor[] = [
      { name: 'head', levels: ['linear', 'none'] },
      { name: 'normalise', levels: ['true', 'false'] },
    ];
    const defaults = { head: 'linear', normalise: 'true', reducer: 'none' };
    const all = levelsCrossed(factors, { defaults, common: { reducer: 'none' } });
    expect(all.map(({ name, values }) => [name, values])).toEqual([
      ['default', { reducer: 'none' }],
      ['head=linear, normalise=false', { reducer: 'none', normalise: 'false' }],
      ['head=none, normalise=true', { reducer: 'none', head: 'none' }],
      ['head=none, normalise=false', { reducer: 'none', head: 'none', normalise: 'false' }],
    ]);
  });
});
