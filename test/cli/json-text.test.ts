import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonText } from '../../src/cli/json-text.js';

it('means what JSON.stringify writes', () => {
  const tricky = fc.constantFrom('[\n  1,\n  2\n]', '[1]', '],\n[');
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.array(tricky), fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })), (value, strings, numbers) => {
      const all = { value, strings, numbers, nested: [[], [numbers], [strings, numbers]] };
      expect(JSON.parse(jsonText(all))).toEqual(JSON.parse(JSON.stringify(all)));
    }),
  ); // prettier-ignore
});

it('has lists of numbers on one line, and all else a member a line', () => {
  expect(jsonText({ rows: [[3, 14], [-1.5e-7]], words: ['a', 'b'], none: [] })).toBe(
    '{\n  "rows": [\n    [3, 14],\n    [-1.5e-7]\n  ],\n  "words": [\n    "a",\n    "b"\n  ],\n  "none": []\n}',
  );
});
