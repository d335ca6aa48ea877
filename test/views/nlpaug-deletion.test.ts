import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { deleteTokens, removable, removalCount, removeTokens, tokenize } from '../../src/views/nlpaug-deletion.js';

interface Row {
  p: number;
  text: string;
  output: string;
  candidates: number[];
  count: number;
  positions: number[];
}
const fixture = new URL('../golden/fixtures/views/nlpaug-delete.json', import.meta.url);
const { rows } = JSON.parse(readFileSync(fixture, 'utf8')) as { rows: Row[] };

describe('against nlpaug 1.1.11', () => {
  it.each(rows)('p $p, without tokens $positions: $text', ({ p, text, output, candidates, count, positions }) => {
    const tokens = tokenize(text);
    expect(removable(tokens)).toEqual(candidates);
    expect(Math.min(removalCount(tokens.length, p), candidates.length)).toBe(count);
    expect(removeTokens(text, positions)).toBe(output);
  });

  it('covers what the rules tell apart', () => {
    const some = (holds: (row: Row) => boolean): boolean => rows.some(holds);
    expect(rows.length).toBeGreaterThan(200);
    expect(some((row) => row.count === 10)).toBe(true);
    expect(some((row) => row.count === 0)).toBe(true);
    expect(some(({ positions }) => positions.includes(0) && positions.includes(1))).toBe(true);
    expect(some(({ output }) => /\s[.,:;?!%]/.test(output))).toBe(true);
  });
});

describe('deleteTokens', () => {
  const rng = () => Rng.stream(0, 'test');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom('A', 'bc', '.', "'", '(', ' ', '\n', 'é', '😀', '_')).map((a) => a.join('')),
  );

  it('never throws on a well-formed string, and leaves something of a text that has something', () => {
    fc.assert(
      fc.property(text, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (s, p) => {
        const view = deleteTokens(s, rng(), p);
        expect(view.isWellFormed()).toBe(true);
        if (tokenize(s).length > 0) expect(tokenize(view).length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  it('removes exactly ceil(p·n) tokens, at most 10 and no punctuation, one fewer where the second is kept for its capital', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(0.1, 0.3), (s, p) => {
        const before = tokenize(s);
        fc.pre(before.length > 1);
        const marks = (tokens: string[]): string => tokens.filter((_, i) => !removable(tokens).includes(i)).join('');
        const after = tokenize(deleteTokens(s, rng(), p));
        const removed = before.length - after.length;
        const due = Math.min(removalCount(before.length, p), removable(before).length);
        expect([due, due - 1]).toContain(removed);
        if (removed < due) expect(after[0]!.toLowerCase()).toBe(before[1]!.toLowerCase());
        expect(marks(after)).toBe(marks(before));
      }),
      { numRuns: 500 },
    );
  });

  it('draws every removable token equally often', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 8000; i++) {
      const view = new Set(tokenize(deleteTokens('a b, c d', Rng.stream(1, i), 0.1)));
      for (const word of 'abcd') if (!view.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    for (const word of 'abcd') expect(Math.abs(counts.get(word)! - 2000)).toBeLessThan(160); // 4 standard deviations
  });

  it.each([
    'x '.repeat(50_000),
    ' '.repeat(100_000) + 'a b' + ' '.repeat(100_000),
    'a' + ' '.repeat(100_000) + 'b',
    'A'.repeat(100_000) + ' b',
    '.'.repeat(100_000),
  ])('takes linear time on a long text (case %#)', (long) => {
    const start = performance.now();
    deleteTokens(long, rng(), 0.1);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
