import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contentsDigest } from '../../src/selector/contents-digest.js';

const rows = fc.uniqueArray(fc.record({ id: fc.string(), key: fc.string() }), {
  selector: ({ id }) => id,
  minLength: 1,
  maxLength: 8,
});
const digest = (of: readonly { readonly id: string; readonly key: string }[]): string =>
  contentsDigest(
    of,
    of.map(({ key }) => key),
  );

it('is the same in any order', () => {
  fc.assert(
    fc.property(rows, (of) => {
      expect(digest(of.toReversed())).toBe(digest(of));
    }),
  );
});

it('is another when one content is', () => {
  fc.assert(
    fc.property(rows, fc.nat(), (of, n) => {
      const at = n % of.length;
      expect(digest(of.map((row, i) => (i === at ? { ...row, key: `${row.key}.` } : row)))).not.toBe(digest(of));
    }),
  );
});
