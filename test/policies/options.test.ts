import { describe, expect, it } from 'vitest';
import { candidatesFor, parsePolicy } from '../../src/policies/options.js';

describe('a policy as it is given', () => {
  it.each([
    [{ choice: { by: 'mmr', lambda: 1.5 } }, /policy\.choice\.lambda: .*1/],
    [{ choice: { by: 'best' } }, /policy\.choice\.by/],
    [{ choice: { by: 'dpp', theta: 1 } }, /policy\.choice\.theta/],
    [{ maxPerLabel: 0 }, /policy\.maxPerLabel/],
    [{ minLabels: 21 }, /policy\.minLabels: is 21, it must be at most k, which is 20/],
    [{ candidates: 5 }, /policy\.candidates: is 5, it must be at least k, which is 20/],
    [{ adaptive: {} }, /policy\.adaptive: needs gap, mass or both/],
    [{ adaptive: { mass: 1, atLeast: 30 } }, /policy\.adaptive\.atLeast: is 30, it must be at most k/],
    [{ duplicates: { distance: -1 } }, /policy\.duplicates/],
    [{ order: 'random' }, /policy\.order/],
    [{ labelList: { alpha: 1 } }, /policy\.labelList\.alpha/],
    [{ calibration: { method: 'isotonic', scores: [0, 1], precisions: [0.5] } }, /policy\.calibration: .*as many/],
    [
      { calibration: { method: 'isotonic', scores: [1, 0], precisions: [0, 1] } },
      /policy\.calibration\.scores: has to ascend/,
    ],
    [{ maxperlabel: 3 }, /policy: .*maxperlabel/],
    ['mmr', /policy: /],
    [null, /policy: /],
  ])('refuses %o', (policy, message) => {
    let thrown: unknown;
    try {
      parsePolicy(policy, 20);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) as string });
    expect((thrown as { hint: string }).hint).toContain('docs/selection.md');
  });

  it.each([
    {},
    { duplicates: true, hybrid: false, exclude: {} },
    { duplicates: { distance: 0.1 }, hybrid: { weight: 1 }, choice: { by: 'dpp' }, adaptive: { gap: 0.5 } },
    { hybrid: true, choice: { by: 'mmr', lambda: 0.1 }, calibration: { method: 'temperature', slope: 2 } },
  ])('is the same when it is read again: %o', (policy) => {
    const read = parsePolicy(policy, 20);
    expect(parsePolicy(read, 20)).toEqual(read);
  });

  it('needs k rows where nearness alone counts, one more to explain, and more for any rule', () => {
    const needed = (policy: object, k: number, explain = false): number =>
      candidatesFor(parsePolicy(policy, k), k, explain);
    expect(needed({}, 20)).toBe(20);
    expect(needed({ order: 'stable', packing: 'skip-long', duplicates: false, hybrid: false }, 20)).toBe(20);
    expect(needed({}, 20, true)).toBe(21);
    expect(needed({ maxPerLabel: 3 }, 5)).toBe(200);
    expect(needed({ choice: { by: 'mmr' } }, 30)).toBe(300);
    expect(needed({ duplicates: true }, 1000)).toBe(2000);
    expect(needed({ candidates: 50, minLabels: 2 }, 20)).toBe(50);
    expect(needed({ calibration: { method: 'temperature', slope: 1 } }, 5)).toBe(200);
  });
});
