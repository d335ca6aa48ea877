import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { selfView } from '../../src/views/view.js';
import { deleteWords, views, wordDeletion } from '../../src/views/word-deletion.js';

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
const anyText = fc.string({ unit: 'binary' });
const phrase = fc
  .array(fc.tuple(fc.constantFrom('one', 'two,', '(three', "don't", '😀', 'ÉTÉ'), fc.constantFrom(' ', '  ', '\n\t')), {
    maxLength: 20,
  })
  .map((parts) => parts.flat().join(''));
const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
const mode = fc.constantFrom('paper' as const, 'reference' as const);

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let i = 0;
  for (const word of whole) if (word === part[i]) i++;
  return i === part.length;
}

describe('deleteWords, paper', () => {
  it('keeps at least one word, and kept words as they were and in order', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, phrase), share, fc.nat(), (text, p, seed) => {
        const view = deleteWords(text, Rng.stream(seed), { p });
        expect(isSubsequence(words(view), words(text))).toBe(true);
        if (words(text).length > 0) expect(words(view).length).toBeGreaterThan(0);
        if (words(view).length === words(text).length) expect(view).toBe(text);
        else expect(view).toBe(view.trim());
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the white space before a kept word', () => {
    const text = ' a  b\tc\n\nd ';
    const seen = new Set(Array.from({ length: 300 }, (_, i) => deleteWords(text, Rng.stream(i), { p: 0.5 })));
    const expected = [
      text,
      'a  b\tc',
      'a  b\n\nd',
      'a\tc\n\nd',
      'b\tc\n\nd',
      'a  b',
      'a\tc',
      'a\n\nd',
      'b\tc',
      'b\n\nd',
      'c\n\nd',
      'a',
      'b',
      'c',
      'd',
    ];
    expect([...seen].sort()).toEqual(expected.sort());
  });

  it('leaves one word, drawn uniformly, where all would go', () => {
    const left = Array.from({ length: 3000 }, (_, i) => deleteWords('a b c', Rng.stream('all', i), { p: 0.999999 }));
    for (const word of 'abc') expect(Math.abs(left.filter((view) => view === word).length - 1000)).toBeLessThan(110); // 4 sd
  });

  it('removes each word with probability p', () => {
    const text = Array.from({ length: 50 }, (_, i) => `w${i}`).join(' ');
    const n = 2000;
    const removed = new Map<string, number>();
    for (let i = 0; i < n; i++) {
      const kept = new Set(words(deleteWords(text, Rng.stream('rate', i), { p: 0.1 })));
      for (const word of words(text)) if (!kept.has(word)) removed.set(word, (removed.get(word) ?? 0) + 1);
    }
    const total = [...removed.values()].reduce((a, b) => a + b, 0);
    const sd = (count: number): number => Math.sqrt(count * 0.1 * 0.9);
    expect(Math.abs(total - 50 * n * 0.1)).toBeLessThan(4 * sd(50 * n));
    for (const word of words(text)) expect(Math.abs(removed.get(word)! - n * 0.1)).toBeLessThan(4.5 * sd(n));
  });

  it.each([' '.repeat(100_000), 'a' + ' '.repeat(100_000), 'a b'.repeat(30_000), 'a' + ' '.repeat(100_000) + 'b'])(
    'takes linear time on a long text (case %#)',
    (long) => {
      const start = performance.now();
      deleteWords(long, Rng.stream(0));
      expect(performance.now() - start).toBeLessThan(2000);
    },
  );
});

describe('deleteWords', () => {
  it('never throws on a well-formed string, and stays well-formed', () => {
    fc.assert(
      fc.property(anyText, mode, share, (text, m, p) =>
        deleteWords(text, Rng.stream(0), { mode: m, p }).isWellFormed(),
      ),
    );
  });

  it.each(['', 'word', "isn't", ' word '])('cannot shorten %j in paper mode', (text) => {
    expect(deleteWords(text, Rng.stream(0), { p: 0.9 })).toBe(text);
  });

  it('takes the tokens of nlpaug in reference mode', () => {
    expect(deleteWords('Hello!', Rng.stream(0), { mode: 'reference' })).toBe('!');
    expect(deleteWords('', Rng.stream(0), { mode: 'reference' })).toBe('');
  });

  it.each([0, 1, -0.1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses p = %s', (p) => {
    expect(() => deleteWords('a b', Rng.stream(0), { p })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });
});

describe('views', () => {
  const text = 'How do I activate the new card that came with the post this morning?';

  it('are the same every time, whatever was asked before', () => {
    fc.assert(
      fc.property(phrase, phrase, mode, fc.nat(), (a, b, m, seed) => {
        const alone = views(a, { count: 4, seed, mode: m });
        views(b, { count: 3, seed, mode: m });
        expect(views(a, { count: 4, seed, mode: m })).toEqual(alone);
        expect(views(a, { count: 9, seed, mode: m }).slice(0, 4)).toEqual(alone);
      }),
    );
  });

  it('are pinned: an index made earlier must stay comparable', () => {
    expect(views(text, { count: 3, seed: 0 })).toMatchInlineSnapshot(`
      [
        "How do I activate new card that came with the post this morning?",
        "How do I the new card that came with the post this morning?",
        "How do I activate the new that came with the post this morning?",
      ]
    `);
    expect(views(text, { count: 2, seed: 0, mode: 'reference' })).toMatchInlineSnapshot(`
      [
        "How do I activate the new that with the post this morning?",
        "How do I activate the new card came with post this morning?",
      ]
    `);
  });

  it('differ by number, seed and purpose', () => {
    const some = (seed: number, purpose?: 'negative'): string =>
      views(text, { count: 12, seed, ...(purpose && { purpose }) }).join('|');
    expect(new Set(views(text, { count: 12, seed: 0 })).size).toBeGreaterThan(4);
    expect(new Set([some(0), some(1), some(0, 'negative')]).size).toBe(3);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %s views', (count) => {
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    expect(() => views(text, { count, seed: 0 })).toThrow(refusal);
    expect(() => wordDeletion({ count, seed: 0 })).toThrow(refusal);
  });
});

describe('view makers', () => {
  it('wordDeletion gives the views and the settings that make them', () => {
    const maker = wordDeletion({ count: 12, seed: 3 });
    expect(maker.count).toBe(12);
    expect(maker.views('a b c d')).toEqual(views('a b c d', { count: 12, seed: 3 }));
    expect(maker.settings).toEqual({
      kind: 'word-deletion',
      count: 12,
      seed: 3,
      purpose: 'positive',
      mode: 'paper',
      p: 0.1,
    });
    expect(() => wordDeletion({ count: 1, seed: 0, p: 2 })).toThrow('p must lie between 0 and 1');
  });

  it('selfView is the item', () => {
    expect(selfView.views('a b')).toEqual(['a b']);
    expect(selfView.count).toBe(1);
  });
});
