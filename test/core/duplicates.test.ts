import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { normaliseText } from '../../src/core/text.js';
import { copyNumbers, findDuplicates, findLabelConflicts, findOverlap, itemKey } from '../../src/core/duplicates.js';

describe('normaliseText', () => {
  it('lower-cases and folds every kind of whitespace', () => {
    expect(normaliseText('  Where\u00a0IS\r\n\tmy   Card? ')).toBe('where is my card?');
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(normaliseText(normaliseText(text))).toBe(normaliseText(text));
      }),
    );
  });
});

describe('itemKey', () => {
  it('is the text but for case and spaces, and of media the item to the letter: paths may differ in case', () => {
    expect(itemKey(' My  CARD', 'text')).toBe('my card');
    for (const modality of ['image', 'audio'] as const) expect(itemKey(' My  CARD', modality)).toBe(' My  CARD');
  });
});

describe('findDuplicates', () => {
  const texts = ['a', 'b', 'A ', 'a', 'c', 'B'];

  it('groups equal texts', () => {
    expect(findDuplicates(texts, 'exact')).toEqual([{ text: 'a', rows: [0, 3] }]);
  });

  it('groups texts equal up to case and spaces', () => {
    expect(findDuplicates(texts, 'normalised')).toEqual([
      { text: 'a', rows: [0, 2, 3] },
      { text: 'b', rows: [1, 5] },
    ]);
  });
});

describe('findOverlap', () => {
  const train = ['x', 'Card  lost', 'y', 'card lost'];
  const test = ['z', 'card lost', 'CARD LOST', '__proto__'];

  it('finds test rows that stand in train to the letter', () => {
    expect(findOverlap(train, test, 'exact')).toEqual([{ test: 1, train: [3] }]);
  });

  it('finds test rows that stand in train up to case and spaces', () => {
    expect(findOverlap(train, test, 'normalised')).toEqual([
      { test: 1, train: [1, 3] },
      { test: 2, train: [1, 3] },
    ]);
  });

  it('agrees with comparing every pair', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'A', ' ', '\t'), maxLength: 3 }), { maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, fc.constantFrom('exact' as const, 'normalised' as const), (trained, tested, match) => {
        const same = (a: string, b: string) => (match === 'exact' ? a === b : normaliseText(a) === normaliseText(b));
        const expected = tested.flatMap((text, row) => {
          const rows = trained.flatMap((other, i) => (same(text, other) ? [i] : []));
          return rows.length === 0 ? [] : [{ test: row, train: rows }];
        });
        expect(findOverlap(trained, tested, match)).toEqual(expected);
      }),
    );
  });
});

describe('findLabelConflicts', () => {
  const examples = [
    { input: 'charge?', label: 'fee' },
    { input: 'Charge?', label: 'fine' },
    { input: 'open', label: 'hours' },
    { input: 'open', label: 'hours' },
    { input: 'charge?', label: 'fee' },
  ];

  it('reports only duplicates whose labels differ', () => {
    expect(findLabelConflicts(examples, 'normalised')).toEqual([
      { text: 'charge?', rows: [0, 1, 4], labels: ['fee', 'fine'] },
    ]);
    expect(findLabelConflicts(examples, 'exact')).toEqual([]);
  });
});

describe('copyNumbers', () => {
  it('of texts leaves case and spaces aside', () => {
    expect(copyNumbers(['a cat', 'A  cat', 'a dog', 'a cat'], 'text')).toEqual([0, 0, 1, 0]);
  });

  it.each(['image', 'audio'] as const)('of files (%s) takes keys to the letter', (modality) => {
    expect(copyNumbers(['pets/A.png', 'pets/a.png', 'pets/A.png'], modality)).toEqual([0, 1, 0]);
  });
});
