import { expect, it } from 'vitest';
import { Quarantine } from '../../src/workers/quarantine.js';

it('keeps an item away for a minute, twice as long each time, and a day at most', () => {
  let now = 0;
  const quarantine = new Quarantine(() => now);
  expect(quarantine.remaining('a')).toBe(0);
  expect(quarantine.add('a')).toBe(60_000);
  now = 59_999;
  expect([quarantine.remaining('a'), quarantine.remaining('b')]).toEqual([1, 0]);
  now = 60_000;
  expect(quarantine.remaining('a')).toBe(0);
  expect(quarantine.add('a')).toBe(120_000);
  const terms = Array.from({ length: 20 }, () => quarantine.add('a'));
  expect(terms.at(-1)).toBe(24 * 3_600_000);
});

it('remembers a bounded number of items, the newest', () => {
  const quarantine = new Quarantine(() => 0);
  for (let i = 0; i < 10_001; i++) quarantine.add(String(i));
  expect([quarantine.remaining('0'), quarantine.remaining('1')]).toEqual([0, 60_000]);
});
