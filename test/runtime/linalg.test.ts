import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { matmul } from '../../src/runtime/linalg.js';

describe('matmul', () => {
  it('multiplies matrices of any shape and transposition in both precisions (property)', async () => {
    const size = fc.integer({ min: 1, max: 9 });
    await fc.assert(
      fc.asyncProperty(
        size,
        size,
        size,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        async (m, k, n, transA, transB, double) => {
          const type = double ? Float64Array : Float32Array;
          const a = type.from(Rng.stream(m, 'a').uniform(m * k, 1));
          const b = type.from(Rng.stream(n, 'b').uniform(k * n, 1));
          const found = await matmul(a, b, { m, k, n, transA, transB });
          expect(found).toBeInstanceOf(type);
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let sum = 0;
              for (let l = 0; l < k; l++)
                sum += a[transA ? l * m + i : i * k + l]! * b[transB ? j * k + l : l * n + j]!;
              expect(Math.abs(found[i * n + j]! - sum)).toBeLessThan(double ? 1e-14 : 1e-5);
            }
          }
        },
      ),
      { numRuns: 80 },
    );
  });

  it('reads views into larger arrays and keeps no hold on them', async () => {
    const all = Float64Array.of(9, 9, 1, 2, 3, 4);
    const view = all.subarray(2);
    const square = await matmul(view, view, { m: 2, k: 2, n: 2 });
    all.fill(0);
    expect([...square]).toEqual([7, 10, 15, 22]);
  });

  it('gives zeros for an empty sum and nothing for an empty side', async () => {
    const empty = new Float32Array(0);
    expect([...(await matmul(empty, empty, { m: 2, k: 0, n: 1 }))]).toEqual([0, 0]);
    expect(await matmul(empty, new Float32Array(6), { m: 0, k: 3, n: 2 })).toHaveLength(0);
  });

  it('refuses operands of another size', async () => {
    const two = new Float32Array(2);
    await expect(matmul(two, two, { m: 1, k: 2, n: 2 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
