/** Markdown that data cannot break. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeSpan, escapeMarkdown, fenced } from '../../../src/eval/report/page/markdown.js';
import { markdownTable } from '../../../src/eval/report/page/table.js';

const PIECES = ['|', '\\', '`', '*', '_', '[x](y)', '<b>', '&amp;', '\n', '# ', '- ', '1. ', '~~', '![a](b)', 'a_b'];
const pieces = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string()), { minLength: 1 })
  .map((parts) => parts.join(''));

/** Cells as GitHub splits a row: at pipes that no backslash stands before. */
const cellsOf = (line: string): string[] =>
  line
    .split(/(?<!\\)(?:\\\\)*\|/u)
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('tables', () => {
  it('have the same number of cells in each row, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(pieces, pieces), { minLength: 1 }), (rows) => {
        const lines = markdownTable({
          caption: '',
          columns: [{ title: 'a|b' }, { title: 'c', align: 'right' }],
          rows: rows.map((cells) => ({ cells })),
        }).split('\n');
        expect(lines).toHaveLength(rows.length + 2);
        expect(lines.map((line) => cellsOf(line).length)).toEqual(lines.map(() => 2));
        expect(lines[1]).toBe('| :-- | --: |');
      }),
    );
  });
});

describe('escaping', () => {
  it('leaves names as they are, and nothing with a meaning', () => {
    expect(escapeMarkdown('card_arrival (2 of 3)')).toBe('card_arrival (2 of 3)');
    expect(escapeMarkdown('_so_ *so*')).toBe('\\_so\\_ \\*so\\*');
    expect(escapeMarkdown('<b>a|b</b> & `c`\nd')).toBe('&lt;b&gt;a\\|b&lt;/b&gt; &amp; \\`c\\` d');
    expect(escapeMarkdown('# a')).toBe('\\# a');
    fc.assert(
      fc.property(pieces, (text) => {
        const escaped = escapeMarkdown(text);
        expect(escaped).not.toMatch(/[<>\n]|&(?!amp;|lt;|gt;)/);
        // Every mark has a backslash of its own before it.
        expect(escaped.replace(/\\[\\`*[\]|~$_#+\-.)\d]/g, '')).not.toMatch(/[`*[\]|~$\\]/);
      }),
    );
  });

  it('fences code with more backticks than it has', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('`', 'a', ' ', '\n')).map((parts) => parts.join('')),
        (text) => {
          const lines = fenced(text, 'sh').split('\n');
          const fence = lines.at(-1)!;
          expect(lines[0]).toBe(`${fence}sh`);
          expect(lines.slice(1, -1).join('\n')).toBe(text);
          expect(text).not.toContain(fence);
        },
      ),
    );
    expect(codeSpan('a `b`')).toBe('`` a `b` ``');
  });
});
