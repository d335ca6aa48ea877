import fc from 'fast-check';
import { expect, it } from 'vitest';
import { approximateTokens, isWithin, largestFitting } from '../../src/prompt/budget.js';

it('estimates a token for four ASCII characters or one other', () => {
  expect(approximateTokens('')).toBe(0);
  expect(approximateTokens('four')).toBe(1);
  expect(approximateTokens('fours')).toBe(2);
  expect(approximateTokens('日本🜁')).toBe(3);
});

it('treats each limit on its own, and none as no limit', () => {
  const size = { tokens: 10, characters: 40 };
  expect(isWithin(size, {})).toBe(true);
  expect(isWithin(size, { tokens: 10, characters: 40 })).toBe(true);
  expect(isWithin(size, { tokens: 9 })).toBe(false);
  expect(isWithin(size, { characters: 39 })).toBe(false);
});

it('finds the last number that fits', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.integer({ min: -1, max: 60 }), (most, limit) => {
      expect(largestFitting(most, (n) => n <= limit)).toBe(Math.min(most, limit));
    }),
  );
});
