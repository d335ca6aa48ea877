/** Each rule by itself. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adaptiveK } from '../../src/policies/adaptive-k.js';
import { Bm25Index } from '../../src/policies/bm25.js';
import { fuse } from '../../src/policies/fusion.js';
import { labelFloor, labelsToLookBeyond } from '../../src/policies/label-limits.js';
import { arrange, EXAMPLE_ORDERS, keepingOrder } from '../../src/policies/order.js';
import { candidate } from './support.js';

const ofLabels = (...labels: string[]) => labels.map((label, row) => candidate(row, [row, 0, 0], { label }));

describe('a floor of labels', () => {
  it('brings in the nearest rival for the least near of the label with most examples', () => {
    const candidates = ofLabels('a', 'a', 'b', 'a', 'c', 'b', 'd');
    const { chosen, broughtIn, madeRoom } = labelFloor(candidates, [0, 1, 2, 3], 4, 4);
    expect(chosen).toEqual([0, 2, 4, 6]);
    expect([...broughtIn]).toEqual([4, 6]);
    expect([...madeRoom]).toEqual([3, 1]);
  });

  it('adds where there is room, and gives up where every label has but one', () => {
    const candidates = ofLabels('a', 'b', 'c');
    expect(labelFloor(candidates, [0], 3, 3).chosen).toEqual([0, 1, 2]);
    expect(labelFloor(candidates, [0, 1], 3, 2).chosen).toEqual([0, 1]);
  });
});

describe('labels to look beyond', () => {
  it('are those that are full, or those that are there', () => {
    const candidates = ofLabels('a', 'a', 'a', 'b');
    expect(labelsToLookBeyond(candidates, { k: 3, most: 2 })).toBeUndefined();
    expect(labelsToLookBeyond(candidates, { k: 4, most: 2 })).toEqual(new Set(['a']));
    expect(labelsToLookBeyond(candidates, { k: 4, least: 3 })).toEqual(new Set(['a', 'b']));
    expect(labelsToLookBeyond(candidates, { k: 5 })).toEqual(new Set());
  });
});

describe('orders of a prompt', () => {
  const examples = fc
    .array(fc.record({ id: fc.uuid(), label: fc.constantFrom('a', 'b', 'c') }), { maxLength: 12 })
    .map((list) => [...new Map(list.map((one) => [one.id, one])).values()]);

  it.each(EXAMPLE_ORDERS)('%s is a permutation', (order) => {
    fc.assert(
      fc.property(examples, (given) => {
        expect(
          arrange(given, order)
            .map(({ id }) => id)
            .toSorted(),
        ).toEqual(given.map(({ id }) => id).toSorted());
      }),
    );
  });

  it('stand as their names say', () => {
    const given = ['a1', 'a2', 'b1', 'a3', 'c1'].map((id) => ({ id, label: id[0]! }));
    const ids = (order: (typeof EXAMPLE_ORDERS)[number]): string =>
      arrange(given, order)
        .map(({ id }) => id)
        .join(' ');
    expect(ids('nearest-first')).toBe('a1 a2 b1 a3 c1');
    expect(ids('nearest-last')).toBe('c1 a3 b1 a2 a1');
    expect(ids('interleaved')).toBe('a3 a2 c1 b1 a1');
    expect(ids('stable')).toBe('a1 a2 a3 b1 c1');
  });

  it('stable depends on which examples there are, and not on their order', () => {
    const two = examples.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length })),
    );
    fc.assert(
      fc.property(two, ([given, shuffled]) => {
        expect(arrange(shuffled, 'stable')).toEqual(arrange(given, 'stable'));
      }),
    );
  });

  it('what is given up last is the best, then the nearest of each further label', () => {
    const labels = ['a', 'a', 'b', 'a', 'c'].map((label) => ({ label }));
    expect(keepingOrder(labels, 1)).toEqual([0, 1, 2, 3, 4]);
    expect(keepingOrder(labels, 2)).toEqual([0, 2, 1, 3, 4]);
    expect(keepingOrder(labels, 3)).toEqual([0, 2, 4, 1, 3]);
  });
});

describe('adaptive k', () => {
  it('ends at a gap, or when the weights are held', () => {
    const costs = [1, 1.1, 1.2, 1.8, 1.9, 2];
    const weights = [4, 3, 2, 1, 0, 0];
    expect(adaptiveK(costs, weights, 5, { gap: 0.5, atLeast: 1 })).toBe(3);
    expect(adaptiveK(costs, weights, 5, { gap: 0.7, atLeast: 1 })).toBe(5);
    expect(adaptiveK(costs, weights, 5, { gap: 0.5, atLeast: 4 })).toBe(5);
    expect(adaptiveK(costs, weights, 5, { mass: 0.7, atLeast: 1 })).toBe(2);
    expect(adaptiveK(costs, weights, 5, { mass: 0.7, gap: 0.05, atLeast: 1 })).toBe(1);
    expect(adaptiveK([1, 1], [1, 1], 5, { gap: 0.5, atLeast: 1 })).toBe(2);
    expect(adaptiveK([], [], 5, { gap: 0.5, atLeast: 1 })).toBe(0);
  });
});

describe('reciprocal rank fusion', () => {
  it('is its formula, in parts of the most there can be', () => {
    const scores = fuse(
      3,
      [
        { order: [0, 1, 2], weight: 0.5 },
        { order: [2, 0], weight: 0.5 },
      ],
      60,
    );
    expect(scores[0]).toBeCloseTo((1 / 61 + 1 / 62) / (2 / 61), 12);
    expect(scores[1]).toBeCloseTo(1 / 62 / (2 / 61), 12);
    expect(scores[2]).toBeCloseTo((1 / 63 + 1 / 61) / (2 / 61), 12);
    expect(fuse(1, [{ order: [0], weight: 1 }], 60)[0]).toBe(1);
  });
});

describe('BM25', () => {
  it('follows changes of its rows as if it were made of them anew', () => {
    const texts = fc.constantFrom('a cat', 'a dog', 'the cat sat', 'dog dog cat', '');
    const change = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.option(texts));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const index = new Bm25Index([
          [0, 'a cat'],
          [1, 'a dog'],
        ]);
        const rows = new Map([
          [0, 'a cat'],
          [1, 'a dog'],
        ]);
        for (const [row, text] of changes) {
          if (text === null) {
            index.delete(row);
            rows.delete(row);
          } else {
            index.set(row, text);
            rows.set(row, text);
          }
        }
        expect(index.search('the cat', 9)).toEqual(new Bm25Index(rows).search('the cat', 9));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('gives equals in the order of their numbers, and only what is allowed', () => {
    const index = new Bm25Index([
      [3, 'cat'],
      [1, 'cat'],
      [2, 'cat'],
      [4, 'dog'],
    ]);
    expect(index.search('cat', 9).map(({ row }) => row)).toEqual([1, 2, 3]);
    expect(index.search('cat', 1, (row) => row > 1).map(({ row }) => row)).toEqual([2]);
    expect(index.search('bird', 9)).toEqual([]);
  });
});
