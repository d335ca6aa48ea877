import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import type { SearchMetric } from '../../src/retrieve/distance.js';
import { ExactSearch, type Neighbour } from '../../src/retrieve/exact-search.js';

/** Every distance in float64, sorted: what the search must return. */
function plain(
  vectors: Float32Array,
  query: Float32Array,
  dims: number,
  metric: SearchMetric,
  allow: (row: number) => boolean = () => true,
): Neighbour[] {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    let sum = 0;
    for (let d = 0; d < dims; d++) sum += a[d]! * b[d]!;
    return sum;
  };
  return Array.from({ length: vectors.length / dims }, (_, row) => {
    const x = vectors.subarray(row * dims, (row + 1) * dims);
    const square = dot(x, x) + dot(query, query) - 2 * dot(x, query);
    const scale = Math.sqrt(dot(x, x) * dot(query, query));
    if (metric === 'l2') return { row, distance: Math.sqrt(Math.max(0, square)) };
    if (metric === 'product') return { row, distance: 1 - dot(x, query) };
    return { row, distance: 1 - (scale === 0 ? 0 : dot(x, query) / scale) };
  })
    .filter(({ row }) => allow(row))
    .sort((a, b) => a.distance - b.distance || a.row - b.row);
}

const random = (count: number, seed: number): Float32Array => Rng.stream(seed, 'search').uniform(count, 1);

describe.each<SearchMetric>(['l2', 'cosine', 'product'])('%s', (metric) => {
  it('finds what a plain loop finds', async () => {
    const [rows, dims, k] = [3000, 32, 20];
    const vectors = random(rows * dims, 1);
    const queries = random(10 * dims, 2);
    const search = await ExactSearch.create(vectors, { rows, dims, metric });
    const found = await search.search(queries, k);
    found.forEach((neighbours, q) => {
      const expected = plain(vectors, queries.subarray(q * dims, (q + 1) * dims), dims, metric).slice(0, k);
      expect(neighbours.map(({ row }) => row)).toEqual(expected.map(({ row }) => row));
      neighbours.forEach(({ distance }, i) => {
        expect(distance).toBeCloseTo(expected[i]!.distance, 6);
      });
    });
  });

  it('finds the same far from the origin, where float32 scores cancel', async () => {
    const [rows, dims, k] = [500, 8, 10];
    const vectors = random(rows * dims, 3).map((value) => value * 1e-2 + 50);
    const query = random(dims, 4).map((value) => value * 1e-2 + 50);
    const search = await ExactSearch.create(vectors, { rows, dims, metric: 'l2' });
    const [found] = await search.search(query, k);
    const byDifference = Array.from({ length: rows }, (_, row) => ({
      row,
      distance: Math.hypot(...query.map((value, d) => value - vectors[row * dims + d]!)),
    })).sort((a, b) => a.distance - b.distance || a.row - b.row);
    expect(found!.map(({ row }) => row)).toEqual(byDifference.slice(0, k).map(({ row }) => row));
  });

  it('breaks ties by row, also at the k-th place and among many equals', async () => {
    const dims = 4;
    const vectors = Float32Array.from({ length: 400 * dims }, (_, i) => (i % dims === 0 ? 1 : 0));
    const search = await ExactSearch.create(vectors, { rows: 400, dims, metric });
    const [found] = await search.search(Float32Array.of(1, 0.5, 0, 0), 5);
    expect(found!.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4]);
  });

  it('finds the same at any rests, one within a query whose rows are all equal, and ends with what a rest throws', async () => {
    const [rows, dims] = [6000, 128];
    const vectors = new Float32Array(rows * dims).fill(0.5);
    const search = await ExactSearch.create(vectors, { rows, dims, metric });
    const query = random(dims, 9);
    let rests = 0;
    const rest = (): Promise<void> => {
      rests++;
      return Promise.resolve();
    };
    const [found] = await search.search(query, 7, { rest });
    expect(found).toEqual(plain(vectors, query, dims, metric).slice(0, 7).map(({ row }) => ({ row, distance: found![0]!.distance }))); // prettier-ignore
    expect(rests).toBeGreaterThanOrEqual(3);
    expect((await search.search(query, 7))[0]).toEqual(found);
    const stop = new Error('enough');
    await expect(search.search(query, 7, { rest: () => Promise.reject(stop) })).rejects.toBe(stop);
  });

  it('returns all rows when k is larger, and only allowed ones', async () => {
    const dims = 6;
    const vectors = random(30 * dims, 5);
    const search = await ExactSearch.create(vectors, { rows: 30, dims, metric });
    const query = random(dims, 6);
    expect((await search.search(query, 100))[0]).toHaveLength(30);
    const allow = (row: number): boolean => row % 3 === 0;
    const [some] = await search.search(query, 20, { allow });
    expect(some!.map(({ row }) => row)).toEqual(plain(vectors, query, dims, metric, allow).map(({ row }) => row));
    expect((await search.search(query, 5, { allow: () => false }))[0]).toEqual([]);
  });

  it('finds the same in segments of any size, also among rows that come later', async () => {
    const [rows, dims, k] = [70, 3, 9];
    const vectors = random(rows * dims, 8).map((value) => Math.round(value * 3)); // with equal rows
    const found = async (segment?: number): Promise<Neighbour[][]> => {
      const search = await ExactSearch.create(vectors, {
        rows,
        dims,
        metric,
        ...(segment !== undefined && { segment }),
      });
      expect(search.append(vectors.subarray(0, 5 * dims))).toBe(rows);
      return search.search(vectors.subarray(0, 12 * dims), k);
    };
    const whole = await found();
    for (const segment of [1, 7, 69, 70, 71, 1e6]) expect(await found(segment)).toEqual(whole);
  });

  it('gives a query the same neighbours in any batch', async () => {
    const [rows, dims] = [800, 16];
    const vectors = random(rows * dims, 7);
    const queries = random(300 * dims, 8);
    const search = await ExactSearch.create(vectors, { rows, dims, metric });
    const together = await search.search(queries, 7);
    for (const q of [0, 17, 255, 256, 299]) {
      const [alone] = await search.search(queries.subarray(q * dims, (q + 1) * dims), 7);
      expect(alone).toEqual(together[q]);
    }
  });
});

describe('bad input', () => {
  const spec = { rows: 2, dims: 2, metric: 'l2' as const };
  it('is refused with a typed error', async () => {
    await expect(ExactSearch.create(new Float32Array(3), spec)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(ExactSearch.create(Float32Array.of(1, 2, NaN, 4), spec)).rejects.toMatchObject({
      code: 'INVALID_VECTOR',
    });
    const search = await ExactSearch.create(Float32Array.of(1, 2, 3, 4), spec);
    await expect(search.search(Float32Array.of(1, Infinity), 1)).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
    await expect(search.search(Float32Array.of(1, 2), 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('never loses or invents a neighbour (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 205, maxLength: 205 }),
        async (rows, dims, k, values) => {
          const vectors = Float32Array.from(values.slice(0, rows * dims));
          const query = Float32Array.from(values.slice(200, 200 + dims));
          const search = await ExactSearch.create(vectors, { rows, dims, metric: 'l2' });
          const [found] = await search.search(query, k);
          const expected = plain(vectors, query, dims, 'l2').slice(0, k);
          expect(found!.map(({ row }) => row)).toEqual(expected.map(({ row }) => row));
        },
      ),
      { numRuns: 100 },
    );
  });
});
