/** Which tokens each pooling reads, and how much of each. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pooling } from '../../src/encoders/encoder.js';
import { poolingTensor, poolingWeights, tokensRead } from '../../src/engine/pooling.js';

describe('poolingWeights', () => {
  it.each<[Pooling, number, number[]]>([
    ['first', 3, [1, 0, 0]],
    ['mean', 2, [0.5, 0.5]],
    ['mean:0:2', 4, [0.5, 0.5, 0, 0]],
    ['mean:1:2', 3, [0, 1, 0]],
    ['mean:2:', 4, [0, 0, 0.5, 0.5]],
    ['mean:0:', 2, [0.5, 0.5]],
  ])('%s of %d tokens', (pooling, tokens, weights) => {
    expect([...poolingWeights(pooling, tokens)]).toEqual(weights);
  });

  it('sum to 1, over the tokens asked for and no others', () => {
    const range = fc.record({ from: fc.nat(20), length: fc.integer({ min: 1, max: 20 }), behind: fc.nat(20), open: fc.boolean() }); // prettier-ignore
    fc.assert(
      fc.property(range, ({ from, length, behind, open }) => {
        const to = from + length;
        const weights = poolingWeights(`mean:${from}:${open ? '' : to}`, to + (open ? 0 : behind));
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
        expect([...weights].findIndex((weight) => weight > 0)).toBe(from);
        expect([...weights].findLastIndex((weight) => weight > 0)).toBe(to - 1);
        expect(new Set(weights.subarray(from, to)).size).toBe(1);
      }),
    );
  });

  it.each<[Pooling, number]>([
    ['mean:0:3', 2],
    ['mean:2:', 2],
  ])('%s of %d tokens is refused', (pooling, tokens) => {
    expect(() => poolingWeights(pooling, tokens)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`${tokens} lacks`) as string }), // prettier-ignore
    );
  });

  it.each(['last', 'mean:', 'mean:2:2', 'mean:3:1', 'mean:-1:', 'mean:0.5:2', 'mean:1', 'mean:0:2:1'])(
    'there is no pooling %s',
    (pooling) => {
      expect(() => poolingWeights(pooling as Pooling, 4)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('counted from 0') as string }), // prettier-ignore
      );
    },
  );

  it('of a padded batch leave padding out', () => {
    const { data, shape } = poolingTensor('mean:1:', [3, 2], 4);
    expect([...(data as Float32Array)]).toEqual([0, 0.5, 0.5, 0, 0, 1, 0, 0]);
    expect(shape).toEqual([2, 4, 1]);
  });
});

describe('tokensRead', () => {
  it.each<[Pooling, boolean, number | undefined]>([
    ['first', false, 1],
    ['mean', false, undefined],
    ['mean:0:2', false, 2],
    ['mean:1:3', false, 3],
    ['mean:2:', false, undefined],
    ['mean', true, 1],
  ])('of %s (one vector an item: %s)', (pooling, vector, read) => {
    expect(tokensRead(pooling, vector)).toBe(read);
  });
});
