import { describe, expect, it } from 'vitest';
import { assertText } from '../../src/core/text.js';

const check = (text: unknown) => () => {
  assertText(text, 'row 12');
};

describe('a text', () => {
  it.each(['a', ' a ', '\u0000', '\u200b', '\u0007\u0000', 'x'.repeat(1_000_000), '😀'])('%j passes', (text) => {
    expect(check(text)).not.toThrow();
  });

  it.each<[unknown, RegExp]>([
    ['', /row 12: the text is empty/],
    [' \t\r\n\u00a0\u3000\ufeff', /row 12: the text is empty/],
    ['a\ud800', /row 12: .*lone UTF-16 surrogate/],
    [null, /row 12: expected a string, got null/],
    [7, /row 12: expected a string, got number/],
  ])('%j is refused', (text, message) => {
    expect(check(text)).toThrow(expect.objectContaining({ code: 'INVALID_TEXT' }) as Error);
    expect(check(text)).toThrow(message);
  });
});
