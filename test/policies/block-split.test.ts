/** The parts of a distance sum to it, are what game theory says they are, and rank as the blocks alone would. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockSplits, type ItemBlocks } from '../../src/policies/block-split.js';
import { distanceBetween, type SearchMetric } from '../../src/retrieve/distance.js';

const WIDTHS = [4, 3, 5];
const BLOCKS = WIDTHS.map((width, b) => ({
  ...{ name: ['kl', 'simclr', 'embedding'][b]!, width, weight: [1, 0.5, 2][b]! },
  start: WIDTHS.slice(0, b).reduce((sum, each) => sum + each, 0),
}));
const F = WIDTHS.reduce((sum, each) => sum + each, 0);
const P = 3;

const entry = fc.double({ min: -1, max: 1, noNaN: true }).map((value) => (Math.abs(value) < 1e-3 ? 0 : value));
/** Blocks of their own lengths beside each other, as a feature has them; a block may be all zeros. */
const feature = fc.array(entry, { minLength: F, maxLength: F }).map((values) => {
  const row = Float32Array.from(values);
  for (const { start, width, weight } of BLOCKS) {
    const own = row.subarray(start, start + width);
    const length = Math.hypot(...own);
    own.forEach((value, j) => (own[j] = length === 0 ? 0 : (value * weight) / length));
  }
  return row;
});
const partsOf = (scale: number): fc.Arbitrary<Float32Array> =>
  fc
    .array(entry, { minLength: BLOCKS.length * P, maxLength: BLOCKS.length * P })
    .map((values) => Float32Array.from(values, (value) => value * scale));
const item: fc.Arbitrary<ItemBlocks> = fc.record({ feature, parts: fc.constantFrom(1, 1e-2, 4).chain(partsOf) });
const metrics = fc.constantFrom<SearchMetric>('l2', 'cosine', 'product');

/** [Bk,P] → [P], of some blocks. */
function totalOf(parts: Float32Array, some: readonly number[]): Float32Array {
  return Float32Array.from({ length: P }, (_, j) => some.reduce((sum, b) => sum + parts[b * P + j]!, 0));
}
const ALL = BLOCKS.map((_, b) => b);

/** What the search says, squared where that is what adds up. */
function distance(a: Float32Array, b: Float32Array, metric: SearchMetric): number {
  const found = distanceBetween(a, b, metric);
  return metric === 'l2' ? found ** 2 : found;
}

describe('the split of a distance', () => {
  it('has parts that sum to the distance before reduction and to that which chose, within 1e-5', () => {
    fc.assert(
      fc.property(item, fc.array(item, { minLength: 1, maxLength: 4 }), metrics, (query, chosen, metric) => {
        blockSplits(query, chosen, BLOCKS, metric).forEach(({ before, after, residual, blocks }, i) => {
          const { feature: own, parts } = chosen[i]!;
          const full = metric === 'product' ? 'cosine' : metric;
          expect(Math.abs(before - distance(query.feature, own, full))).toBeLessThan(1e-5);
          const total = distance(totalOf(query.parts, ALL), totalOf(parts, ALL), metric);
          expect(Math.abs(after - total)).toBeLessThan(1e-5 * Math.max(1, Math.abs(total)));
          expect(Math.abs(blocks.reduce((sum, block) => sum + block.before, 0) - before)).toBeLessThan(1e-9);
          expect(Math.abs(blocks.reduce((sum, block) => sum + block.after, 0) - after)).toBeLessThan(1e-9);
          expect(residual).toBe(after - before);
        });
      }),
    );
  });

  it('gives a block before reduction its own distance: squared, or the weighted 1 − cosine', () => {
    fc.assert(
      fc.property(item, item, (query, one) => {
        const whole = BLOCKS.reduce((sum, { weight }) => sum + weight ** 2, 0);
        const [l2, cosine] = (['l2', 'cosine'] as const).map((metric) => blockSplits(query, [one], BLOCKS, metric)[0]!);
        const columns = BLOCKS.map(({ start, width }) =>
          [query, one].map((each) => each.feature.subarray(start, start + width)),
        );
        const isWhole = columns.every((each) => each.every((own) => own.some((value) => value !== 0)));
        columns.forEach(([a, b], block) => {
          expect(l2!.blocks[block]!.before).toBeCloseTo(distanceBetween(a!, b!, 'l2') ** 2, 6);
          if (!isWhole) return; // a block of zeros leaves the others a larger share
          const share = (BLOCKS[block]!.weight ** 2 / whole) * distanceBetween(a!, b!, 'cosine');
          expect(cosine!.blocks[block]!.before).toBeCloseTo(share, 6);
        });
      }),
    );
  });

  it('gives a block after reduction its Shapley value in the squared length of what the blocks add', () => {
    const orders = ALL.flatMap((a) => ALL.flatMap((b) => ALL.map((c) => [a, b, c]))).filter(
      (order) => new Set(order).size === ALL.length,
    );
    fc.assert(
      fc.property(partsOf(1), partsOf(1), feature, (q, e, row) => {
        const worth = (some: readonly number[]): number => distance(totalOf(q, some), totalOf(e, some), 'l2');
        const values = ALL.map(
          (block) =>
            orders.reduce((sum, order) => {
              const ahead = order.slice(0, order.indexOf(block));
              return sum + worth([...ahead, block]) - worth(ahead);
            }, 0) / orders.length,
        );
        const [split] = blockSplits({ feature: row, parts: q }, [{ feature: row, parts: e }], BLOCKS, 'l2');
        split!.blocks.forEach(({ after, before }, b) => {
          expect(after).toBeCloseTo(values[b]!, 5);
          expect(before).toBe(0);
        });
      }),
    );
  });

  it('ranks the chosen under each block, equals alike, whatever their order', () => {
    fc.assert(
      fc.property(item, fc.array(item, { minLength: 2, maxLength: 5 }), metrics, (query, some, metric) => {
        const chosen = [...some, some[0]!];
        const splits = blockSplits(query, chosen, BLOCKS, metric);
        const reversed = blockSplits(query, chosen.toReversed(), BLOCKS, metric).toReversed();
        expect(reversed).toEqual(splits);
        for (const b of ALL) {
          const sorted = splits.map(({ blocks }) => blocks[b]!.before).toSorted((x, y) => x - y);
          for (const { blocks } of splits) expect(blocks[b]!.rank).toBe(1 + sorted.indexOf(blocks[b]!.before));
        }
      }),
    );
  });

  it('is of equals nothing, and of a vector of zeros what the search says of it', () => {
    const parts = Float32Array.from({ length: BLOCKS.length * P }, (_, i) => i - 4);
    const same = { feature: Float32Array.from({ length: F }, (_, i) => i + 1), parts };
    for (const metric of ['l2', 'cosine'] as const) {
      expect(blockSplits(same, [same], BLOCKS, metric)[0]).toMatchObject({ before: 0 });
      expect(blockSplits(same, [same], BLOCKS, metric)[0]!.after).toBeCloseTo(0, 12);
    }
    const none = { ...same, parts: new Float32Array(parts.length) };
    for (const metric of ['cosine', 'product'] as const) {
      expect(blockSplits(same, [none], BLOCKS, metric)[0]!.after).toBeCloseTo(1, 12);
    }
  });
});
