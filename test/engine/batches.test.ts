import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesByTokens } from '../../src/engine/batches.js';

const item = fc.record({ tokens: fc.integer({ min: 1, max: 600 }), rows: fc.integer({ min: 1, max: 12 }) });
const limits = fc.record({ maxTokens: fc.integer({ min: 1, max: 2048 }), maxRows: fc.integer({ min: 1, max: 64 }) });

describe('batchesByTokens', () => {
  it('places each item once, longest first, and keeps the limits wherever an item alone keeps them', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 200 }), limits, (items, limit) => {
        const lengths = items.map(({ tokens }) => tokens);
        const batches = batchesByTokens(
          lengths,
          limit,
          items.map(({ rows }) => rows),
        );
        const order = batches.flat();
        expect(order.toSorted((a, b) => a - b)).toEqual(items.map((_, i) => i));
        expect(order.map((i) => lengths[i])).toEqual(lengths.toSorted((a, b) => b - a));
        for (const batch of batches.filter(({ length }) => length > 1)) {
          const rows = batch.reduce((sum, i) => sum + items[i]!.rows, 0);
          expect(rows).toBeLessThanOrEqual(limit.maxRows);
          expect(rows * lengths[batch[0]!]!).toBeLessThanOrEqual(limit.maxTokens);
        }
      }),
    );
  });

  it('fills a run up to its limits', () => {
    expect(batchesByTokens([10, 10, 10, 10, 10], { maxTokens: 20, maxRows: 64 })).toEqual([[0, 1], [2, 3], [4]]);
    expect(batchesByTokens([1, 1, 1], { maxTokens: 100, maxRows: 2 })).toEqual([[0, 1], [2]]);
    expect(batchesByTokens([5, 5, 5], { maxTokens: 100, maxRows: 4 }, [3, 2, 2])).toEqual([[0], [1, 2]]);
  });

  it('keeps items of more tokens than a number apart from the others', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), fc.integer({ min: 1, max: 600 }), (items, apart) => {
        const lengths = items.map(({ tokens }) => tokens);
        for (const batch of batchesByTokens(lengths, { maxTokens: 1e6, maxRows: 1e6, apart }))
          expect(new Set(batch.map((i) => lengths[i]! > apart)).size).toBe(1);
      }),
    );
    expect(batchesByTokens([5, 9, 6, 2], { maxTokens: 99, maxRows: 9, apart: 5 })).toEqual([
      [1, 2],
      [0, 3],
    ]);
  });
});
