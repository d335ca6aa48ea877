import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, counted, duration, oneLine, pairs, percent, table } from '../../src/cli/output.js';

describe('table', () => {
  const columns = [{ title: 'n', align: 'right' as const }, { title: 'text', flexible: true }, { title: 'end' }];

  it('aligns columns under their titles', () => {
    expect(
      table(columns, [
        ['1', 'cat', 'x'],
        ['20', 'mouse', ''],
      ]),
    ).toBe(' n  text   end\n 1  cat    x\n20  mouse');
  });

  it('cuts flexible columns to the width, never others', () => {
    const rows = [['1', 'a text that is far too long for the screen', 'kept whole']];
    const [, line] = table(columns, rows, 34).split('\n');
    expect(line).toBe('1  a text that is far…  kept whole');
    expect(table(columns, rows, 5).split('\n')[1]).toBe('1  a text that…  kept whole');
  });

  it('keeps each row on one line, whatever the cells hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string({ unit: 'binary' }), fc.string())), (rows) => {
        const text = table(columns, rows, 40);
        expect(text.split('\n')).toHaveLength(rows.length + 1);
        expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('has no line of titles when there are none', () => {
    expect(
      pairs([
        ['a', '1'],
        ['long', '2'],
      ]),
    ).toBe('a     1\nlong  2');
  });
});

describe('oneLine', () => {
  it('takes line breaks and escape sequences out', () => {
    expect(oneLine('a\r\n\tb \u001b[31mred\u0000')).toBe('a b \uFFFD[31mred\uFFFD');
  });
});

describe('numbers', () => {
  it('reads as people write them', () => {
    expect([0, 999, 1000, 90_868_376, 5e15].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '90.9 MB', '5000.0 TB']);
    expect([0.04, 9.94, 10, 75, 3725].map(duration)).toEqual(['0.0 s', '9.9 s', '10 s', '1 min 15 s', '1 h 2 min']);
    expect(percent(0.8361)).toBe('83.6');
    expect([counted(1, 'row'), counted(0, 'row')]).toEqual(['1 row', '0 rows']);
  });
});
