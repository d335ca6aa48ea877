import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import type { Factors } from '../../src/engine/engine.js';
import { seededMatrix } from '../../src/features/dense-projection.js';
import { khatriRaoProjection } from '../../src/features/khatri-rao.js';
import { landmarkProjection } from '../../src/features/landmarks.js';
import { truncated } from '../../src/features/low-rank.js';
import { bilinearTermProjection, denseTermProjection, termOf } from '../../src/features/term-projection.js';
import { relativeError } from '../support/golden.js';

const [O, I, M] = [4, 3, 5];
const targetOf = (bias: boolean) => ({ tensor: 't', outFeatures: O, inFeatures: I, bias });

function termsOf(terms: number, seed: number, scale = 1): Factors {
  const rng = Rng.stream(seed, 'terms');
  return { delta: rng.uniform(terms * O, scale), x: rng.uniform(terms * I, 1), terms };
}

/** δ_r ⊗ [x_r; 1], row by row. */
function whole(terms: Factors, r: number, bias: boolean): number[] {
  const { delta, x } = termOf(terms, r);
  return [...delta].flatMap((d) => [...x, ...(bias ? [1] : [])].map((value) => d * value));
}
const unit = (values: ArrayLike<number>): number[] => {
  const all = Array.from(values);
  const length = Math.hypot(...all);
  return all.map((value) => value / length);
};
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const rowsOf = (block: Float32Array, width: number): number[][] =>
  Array.from({ length: block.length / width }, (_, r) => unit(block.subarray(r * width, (r + 1) * width)));

const some = fc.record({ terms: fc.integer({ min: 1, max: 6 }), seed: fc.nat(999), bias: fc.boolean() });

describe('single terms', () => {
  it('are projected by random directions of rank 1, each by itself', async () => {
    await fc.assert(
      fc.asyncProperty(some, async ({ terms, seed, bias }) => {
        const own = termsOf(terms, seed, 1e-12);
        const parts = khatriRaoProjection(seed, targetOf(bias), M);
        const block = await bilinearTermProjection(parts, targetOf(bias))(own);
        const at = (part: 'left' | 'right', i: number, j: number): number => parts[part]!.data[i * M + j]!;
        rowsOf(block, M).forEach((found, r) => {
          const expected = Array.from({ length: M }, (_, j) => {
            const right = [
              ...Array.from({ length: I }, (_, i) => at('right', i, j)),
              ...(bias ? [parts['bias']!.data[j]!] : []),
            ];
            const direction = Array.from({ length: O }, (_, o) =>
              right.map((value) => at('left', o, j) * value),
            ).flat();
            return dot(whole(own, r, bias), direction);
          });
          expect(relativeError(found, unit(expected))).toBeLessThan(1e-4);
        });
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  it('are projected by the dense matrix, each by itself', async () => {
    await fc.assert(
      fc.asyncProperty(some, async ({ terms, seed, bias }) => {
        const own = termsOf(terms, seed);
        const target = targetOf(bias);
        const matrix = seededMatrix('binary', seed, target, M);
        const columns = I + Number(bias);
        const block = await denseTermProjection(target, M, matrix)(own);
        rowsOf(block, M).forEach((found, r) => {
          const gradient = whole(own, r, bias);
          const expected = Array.from({ length: M }, (_, m) =>
            gradient.reduce(
              (sum, value, at) => sum + value * matrix(Math.floor(at / columns))[(at % columns) * M + m]!,
              0,
            ),
          );
          expect(relativeError(found, unit(expected))).toBeLessThan(1e-4);
        });
      }),
      { seed: 4, numRuns: 20 },
    );
  });

  it('keep their angles where they are landmarks themselves', async () => {
    const own = termsOf(6, 7);
    const target = targetOf(true);
    const landmarks = Array.from({ length: 6 }, (_, r) => truncated(termOf(own, r), target, 1)!);
    const parts = await landmarkProjection(landmarks, target);
    const found = rowsOf(await bilinearTermProjection(parts, target)(own), parts['mix']!.shape[1]!);
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++)
        expect(dot(found[i]!, found[j]!)).toBeCloseTo(dot(unit(whole(own, i, true)), unit(whole(own, j, true))), 3);
  });
});
