import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Metadata } from '../../src/core/item.js';
import { matches, MAX_FILTER_DEPTH, parseFilter, type Filter } from '../../src/store/filter.js';

const row = (label: string, metadata: Metadata = {}) => ({ label, metadata });
const refund = row('refund', { year: 2021, source: 'chat', checked: true });

describe('matches', () => {
  it.each<[Filter, boolean]>([
    [{}, true],
    [{ label: 'refund' }, true],
    [{ label: 'Refund' }, false],
    [{ label: ['cancel', 'refund'] }, true],
    [{ label: [] }, false],
    [{ label: { gte: 'r', lt: 's' } }, true],
    [{ metadata: { source: 'chat', checked: true } }, true],
    [{ metadata: { source: 'chat', checked: false } }, false],
    [{ metadata: { year: { gt: 2020, lte: 2021 } } }, true],
    [{ metadata: { year: { gt: 2021 } } }, false],
    [{ metadata: { year: '2021' } }, false],
    [{ metadata: { year: { gte: '2' } } }, false],
    [{ metadata: { absent: { lt: 3 } } }, false],
    [{ not: { metadata: { absent: { lt: 3 } } } }, true],
    [{ metadata: { constructor: 'x' } }, false],
    [{ metadata: { toString: { gte: '' } } }, false],
    [{ and: [] }, true],
    [{ or: [] }, false],
    [{ or: [{ label: 'x' }, { metadata: { year: [2020, 2021] } }] }, true],
    [{ and: [{ label: 'refund' }, { not: { label: 'refund' } }] }, false],
    [{ label: 'refund', or: [{ label: 'x' }] }, false],
  ])('%j is %s', (filter, expected) => {
    expect(matches(filter, refund)).toBe(expected);
    expect(matches(parseFilter(JSON.parse(JSON.stringify(filter))), refund)).toBe(expected);
  });

  const value = fc.oneof(
    fc.integer({ min: -2, max: 2 }),
    fc.constantFrom('', 'a', "' OR '1'='1", '__proto__'),
    fc.boolean(),
  );
  const metadata = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), value);
  const rows = fc.record({ label: fc.string(), metadata });
  const leaf = fc.record(
    {
      label: fc.oneof(fc.string(), fc.array(fc.string())),
      metadata: fc.dictionary(fc.constantFrom('a', '__proto__'), value),
    },
    { requiredKeys: [] },
  );
  const filters: fc.Arbitrary<Filter> = fc.oneof(
    leaf,
    leaf.map((not) => ({ not })),
    fc.tuple(leaf, leaf).map((or) => ({ or })),
    fc.tuple(leaf, leaf).map(([one, not]) => ({ ...one, and: [{ not }] })),
  );

  it('is a Boolean algebra', () => {
    fc.assert(
      fc.property(filters, filters, rows, (a, b, one) => {
        const [isA, isB] = [matches(a, one), matches(b, one)];
        expect(matches({ not: a }, one)).toBe(!isA);
        expect(matches({ and: [a, b] }, one)).toBe(isA && isB);
        expect(matches({ or: [a, b] }, one)).toBe(isA || isB);
        expect(matches({ not: { and: [a, b] } }, one)).toBe(matches({ or: [{ not: a }, { not: b }] }, one));
      }),
      { seed: 1 },
    );
  });

  it('equality takes exactly the rows that equal, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), value, value, (a, b, x, y) => {
        expect(matches({ label: a }, row(b))).toBe(a === b);
        const key = Object.fromEntries([[a, x]]);
        expect(matches({ metadata: key }, row('', Object.fromEntries([[a, y]])))).toBe(x === y);
        expect(matches({ metadata: key }, row('', {}))).toBe(false);
      }),
      { seed: 2 },
    );
  });
});

describe('parseFilter', () => {
  const nested = (depth: number): Filter => (depth === 1 ? {} : { not: nested(depth - 1) });

  it.each<[unknown, string]>([
    [null, 'filter'],
    ['label = 3', 'filter'],
    [[], 'filter'],
    [{ labels: 'x' }, 'filter.labels'],
    [JSON.parse('{"__proto__": {"label": "x"}}'), 'filter.__proto__'],
    [{ label: null }, 'filter.label'],
    [{ label: [['x']] }, 'filter.label'],
    [{ label: {} }, 'filter.label'],
    [{ metadata: 'x' }, 'filter.metadata'],
    [{ metadata: { year: { over: 3 } } }, 'filter.metadata.year.over'],
    [{ metadata: { year: { gt: true } } }, 'filter.metadata.year.gt'],
    [{ metadata: { year: NaN } }, 'filter.metadata.year'],
    [{ and: {} }, 'filter.and'],
    [{ or: [{}, { not: 3 }] }, 'filter.or[1].not'],
    [nested(MAX_FILTER_DEPTH + 1), 'filter.not.not'],
  ])('refuses %j and names the member', (value, path) => {
    expect(() => parseFilter(value)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => parseFilter(value)).toThrow(path);
  });

  it('takes the deepest nesting that is allowed, and refuses absurd ones without overflowing', () => {
    expect(parseFilter(nested(MAX_FILTER_DEPTH))).toEqual(nested(MAX_FILTER_DEPTH));
    let deep: unknown = {};
    for (let i = 0; i < 100_000; i++) deep = { and: [deep] };
    expect(() => parseFilter(deep)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('never lets an unknown value through', () => {
    fc.assert(
      fc.property(fc.object({ key: fc.constantFrom('label', 'metadata', 'and', 'or', 'not', 'gt', 'x') }), (value) => {
        try {
          const filter = parseFilter(value);
          expect(typeof matches(filter, refund)).toBe('boolean');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
        }
      }),
      { seed: 4 },
    );
  });
});
