import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../../src/core/rng.js';
import { SupportBank } from '../../../src/eval/segment/support-bank.js';

const D = 3;
const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
const row = (rows: Float32Array, i: number): Float32Array => rows.subarray(i * D, (i + 1) * D);

/** A bank of patches of three pictures, and some tokens. */
const drawn = fc.record({ patches: fc.integer({ min: 3, max: 30 }), seed: fc.nat(999) }).map(({ patches, seed }) => ({
  rows: Rng.stream(seed, 'bank').uniform(patches * D, 2),
  tokens: Rng.stream(seed, 'tokens').uniform(5 * D, 1),
  pictures: Array.from({ length: patches }, (_, i) => 'abc'[i % 3]!),
  seed,
}));

describe('neighbours in the support bank', () => {
  it('are one of the two nearest patches of other pictures', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async ({ rows, tokens, pictures, seed }) => {
        const bank = await SupportBank.create({ rows, pictures }, D);
        const found = await bank.neighbours(tokens, 'b', Rng.stream(seed, 'drop'));
        const others = pictures.flatMap((picture, i) => (picture === 'b' ? [] : [i]));
        for (let token = 0; token < 5; token++) {
          const near = others
            .toSorted((i, j) => cosine(row(tokens, token), row(rows, j)) - cosine(row(tokens, token), row(rows, i)))
            .slice(0, 2);
          expect(near.map((i) => [...row(rows, i)])).toContainEqual([...row(found, token)]);
        }
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  it('are drawn with equal odds, the same of a stream again', async () => {
    const rows = Float32Array.of(1, 0, 0, 0.9, 0.1, 0, -1, 0, 0);
    const bank = await SupportBank.create({ rows, pictures: ['a', 'a', 'a'] }, D);
    const tokens = Float32Array.from({ length: 400 * D }, (_, i) => (i % D === 0 ? 1 : 0));
    const draw = (stream: number) => bank.neighbours(tokens, 'b', Rng.stream(stream, 'drop'));
    const found = await draw(0);
    const nearest = Array.from({ length: 400 }, (_, token) => found[token * D]! === 1).filter(Boolean).length;
    expect(Math.abs(nearest - 200)).toBeLessThan(50);
    expect(found.every((value) => value >= 0)).toBe(true);
    expect(await draw(0)).toEqual(found);
    expect(await draw(1)).not.toEqual(found);
  });

  it('keep the length that they have', async () => {
    const rows = Float32Array.of(7, 0, 0);
    const bank = await SupportBank.create({ rows, pictures: ['a'] }, D);
    expect([...(await bank.neighbours(Float32Array.of(1, 1, 0), 'b', Rng.stream(0, 'drop')))]).toEqual([7, 0, 0]);
  });

  it('are not there where all patches are the picture’s own', async () => {
    const bank = await SupportBank.create({ rows: Float32Array.of(1, 0, 0), pictures: ['a'] }, D);
    await expect(bank.neighbours(Float32Array.of(1, 1, 0), 'a', Rng.stream(0, 'drop'))).rejects.toMatchObject({
      ...{ code: 'INVALID_DATA', hint: 'Give two different training pictures at least.' },
    });
  });
});
