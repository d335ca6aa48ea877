import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { ExactSearch } from '../../src/retrieve/exact-search.js';
import { SharedProducts } from '../../src/retrieve/shared-products.js';
import * as linalg from '../../src/runtime/linalg.js';

vi.mock('../../src/runtime/linalg.js', async (original) => {
  const real = await original<typeof linalg>();
  return { ...real, matmul: vi.fn(real.matmul) };
});

const passes = vi.mocked(linalg.matmul);
const random = (count: number, seed: number): Float32Array => Rng.stream(seed, 'shared').uniform(count, 1);
const DIMS = 16;

beforeEach(() => {
  passes.mockClear();
});

describe('searches at once', () => {
  it('share passes over the rows, and find what each finds alone', async () => {
    const rows = 2000;
    const search = await ExactSearch.create(random(rows * DIMS, 1), { rows, dims: DIMS, metric: 'l2' });
    const queries = Array.from({ length: 40 }, (_, q) => random(DIMS * (1 + (q % 3)), 100 + q));
    const alone = [];
    for (const [q, query] of queries.entries()) alone.push(await search.search(query, 1 + q));
    expect(passes).toHaveBeenCalledTimes(40);
    passes.mockClear();
    expect(await Promise.all(queries.map((query, q) => search.search(query, 1 + q)))).toEqual(alone);
    expect(passes).toHaveBeenCalledTimes(3); // 79 queries, 32 a pass
  });

  it('share the next pass when one is under way', async () => {
    const rows = 100;
    const search = await ExactSearch.create(random(rows * DIMS, 2), { rows, dims: DIMS, metric: 'product' });
    const first = search.search(random(DIMS, 3), 5);
    await vi.waitFor(() => {
      expect(passes).toHaveBeenCalledTimes(1);
    });
    await Promise.all([first, ...Array.from({ length: 10 }, (_, q) => search.search(random(DIMS, 4 + q), 5))]);
    expect(passes).toHaveBeenCalledTimes(2);
  });

  it('each see the rows of the moment they were asked, whatever is added, removed or replaced meanwhile (property)', async () => {
    const step = fc.record({
      kind: fc.constantFrom('search', 'append', 'remove', 'replace'),
      k: fc.integer({ min: 1, max: 30 }),
      at: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(1000), async (steps, seed) => {
        const vectors = random(20 * DIMS, seed);
        const make = (): Promise<ExactSearch> =>
          ExactSearch.create(vectors.slice(), { rows: 20, dims: DIMS, metric: 'l2' });
        const run = async (search: ExactSearch, isAtOnce: boolean): Promise<unknown[]> => {
          const found: unknown[] = [];
          let size = 20;
          for (const [i, { kind, k, at }] of steps.entries()) {
            const vector = random(DIMS, seed + i);
            if (kind === 'append') size = search.append(vector) + 1;
            else if (kind === 'remove') search.remove([at % size]);
            else if (kind === 'replace') search.replace([at % size], vector);
            else found.push(isAtOnce ? search.search(vector, k) : await search.search(vector, k));
          }
          return Promise.all(found);
        };
        expect(await run(await make(), true)).toEqual(await run(await make(), false));
      }),
    );
  });
});

describe('a pass that fails', () => {
  it('fails those who shared it, and nobody after', async () => {
    const rows = random(10 * DIMS, 5);
    const products = new SharedProducts(DIMS, 4, {});
    passes.mockRejectedValueOnce(new FungiError('RUNTIME_FAILED', 'planned'));
    const ask = (): Promise<unknown> => products.multiply(rows, rows, random(DIMS, 6));
    const asked = await Promise.allSettled([ask(), ask(), ask(), ask(), ask()]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected', 'fulfilled']);
    await expect(ask()).resolves.toMatchObject({ stride: 10 });
    expect(passes).toHaveBeenCalledTimes(3);
  });
});
