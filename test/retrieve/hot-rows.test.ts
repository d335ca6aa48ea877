import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { Candidates } from '../../src/retrieve/candidates.js';
import type { Metric } from '../../src/retrieve/distance.js';
import { ExactSearch, type Neighbour } from '../../src/retrieve/exact-search.js';
import { HotRows } from '../../src/retrieve/hot-rows.js';

/** Distances in float64 by definition, nearest first, then by number. */
function byDefinition(rows: ReadonlyMap<number, Float32Array>, query: Float32Array, metric: Metric): Neighbour[] {
  return [...rows]
    .map(([row, vector]) => {
      let [square, product, a, b] = [0, 0, 0, 0];
      query.forEach((x, j) => {
        const y = vector[j]!;
        square += (x - y) ** 2;
        product += x * y;
        a += x * x;
        b += y * y;
      });
      const cosine = a * b === 0 ? 0 : product / Math.sqrt(a * b);
      return { row, distance: metric === 'l2' ? Math.sqrt(square) : Math.max(0, 1 - cosine) };
    })
    .sort((x, y) => x.distance - y.distance || x.row - y.row);
}

const rowsOf = (vectors: Float32Array, dims: number, first = 0): [number, Float32Array][] =>
  Array.from({ length: vectors.length / dims }, (_, i) => [first + i, vectors.subarray(i * dims, (i + 1) * dims)]);

describe('ExactSearch', () => {
  it.each<[string, number, number]>([
    ['of common size', 1, 0],
    ['tiny, where float32 products vanish', 1e-30, 0],
    ['large, where they overflow', 1e25, 0],
    ['crowded far from the origin', 1e-2, 300],
  ])('agrees with the definition to the last bit, duplicates included: values %s', async (_, scale, offset) => {
    for (let seed = 0; seed < 12; seed++) {
      const rng = Rng.stream(seed, 'agree');
      const dims = 1 + rng.int(30);
      const count = 1 + rng.int(200);
      const metric: Metric = seed % 2 === 0 ? 'l2' : 'cosine';
      const vectors = rng.uniform(count * dims, 1).map((value) => value * scale + offset);
      for (let i = 0; i < count / 3; i++) vectors.copyWithin(rng.int(count) * dims, 0, dims);
      const query =
        seed % 3 === 0 ? vectors.slice(0, dims) : rng.uniform(dims, 1).map((value) => value * scale + offset);
      const search = await ExactSearch.create(vectors, { rows: count, dims, metric });
      const [found] = await search.search(query, 20);
      expect(found).toEqual(byDefinition(new Map(rowsOf(vectors, dims)), query, metric).slice(0, 20));
    }
  });

  it('keeps up with any order of additions, replacements and removals (property)', async () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ replace: fc.integer({ min: 1, max: 5 }), from: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ remove: fc.integer({ min: 1, max: 5 }), from: fc.integer({ min: 0, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.integer(), async (steps, seed) => {
        const dims = 3;
        const rng = Rng.stream(seed, 'steps');
        const draw = (rows: number): Float32Array => rng.uniform(rows * dims, 2).map(Math.round); // a grid: many ties
        const initial = draw(10);
        const search = await ExactSearch.create(initial, { rows: 10, dims, metric: 'l2' });
        const model = new Map(rowsOf(initial, dims));
        for (const action of steps) {
          if ('add' in action) {
            const more = draw(action.add);
            const first = search.append(more);
            for (const [row, vector] of rowsOf(more, dims, first)) {
              expect(model.has(row)).toBe(false);
              model.set(row, vector);
            }
          } else if ('replace' in action) {
            const changed = [...model.keys()].filter((row) => row % action.replace === action.from);
            const vectors = draw(changed.length + 2);
            search.replace([...changed, 1e9, -1], vectors);
            changed.forEach((row, i) => model.set(row, vectors.slice(i * dims, (i + 1) * dims)));
          } else {
            const gone = [...model.keys()].filter((row) => row % action.remove === action.from);
            expect(search.remove([...gone, 1e9, -1])).toBe(gone.length);
            for (const row of gone) model.delete(row);
          }
        }
        expect(search.size).toBe(model.size);
        const query = draw(1);
        expect((await search.search(query, 7))[0]).toEqual(byDefinition(model, query, 'l2').slice(0, 7));
      }),
      { numRuns: 60 },
    );
  });

  it('copies what is appended, and takes nothing of an addition with a bad row', async () => {
    const search = await ExactSearch.create(new Float32Array(0), { rows: 0, dims: 2, metric: 'l2' });
    expect(await search.search(Float32Array.of(1, 2), 3)).toEqual([[]]);
    const reused = Float32Array.of(1, 2);
    expect(search.append(reused)).toBe(0);
    reused.fill(9);
    expect(() => search.append(Float32Array.of(3, 4, NaN, 0))).toThrow(
      expect.objectContaining({ code: 'INVALID_VECTOR' }),
    );
    expect(() => search.append(Float32Array.of(3))).toThrow(expect.objectContaining({ code: 'INVALID_VECTOR' }));
    expect(await search.search(Float32Array.of(1, 2), 3)).toEqual([[{ row: 0, distance: 0 }]]);
  });

  it('answers from the rows it began with while others are added, replaced and removed', async () => {
    const dims = 4;
    const vectors = Rng.stream(1, 'during').uniform(20_000 * dims, 1); // two parts
    const model = new Map(rowsOf(vectors.slice(), dims));
    const search = await ExactSearch.create(vectors.slice(), { rows: 20_000, dims, metric: 'l2' });
    const first = search.append(Float32Array.of(1, 2, 3, 4)); // in a segment with room
    model.set(first, Float32Array.of(1, 2, 3, 4));
    const query = vectors.slice(0, dims);
    const pending = search.search(query, 400);
    search.remove(Array.from({ length: 300 }, (_, i) => 5 * i));
    search.append(query);
    search.replace(
      [first, 1, 18_001],
      new Float32Array(3 * dims).map((_, i) => query[i % dims]!),
    );
    expect(await pending).toEqual([byDefinition(model, query, 'l2').slice(0, 400)]);
    const [now] = await search.search(query, 4);
    expect(now!.map(({ row, distance }) => [row, distance])).toEqual(
      [1, 18_001, first, first + 1].map((row) => [row, 0]),
    );
  });

  it('refuses replacements that do not fit', async () => {
    const search = await ExactSearch.create(Float32Array.of(1, 2), { rows: 1, dims: 2, metric: 'l2' });
    expect(() => {
      search.replace([0], Float32Array.of(1, 2, 3, 4));
    }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => {
      search.replace([0], Float32Array.of(1, NaN));
    }).toThrow(expect.objectContaining({ code: 'INVALID_VECTOR' }));
    expect(await search.search(Float32Array.of(1, 2), 1)).toEqual([[{ row: 0, distance: 0 }]]);
  });

  it('goes over rows and queries in parts without a seam', async () => {
    const dims = 2;
    const count = 40_000; // three parts of rows
    const vectors = Float32Array.from({ length: count * dims }, (_, i) => (i % 2 === 0 ? i / 2 : 0));
    const search = await ExactSearch.create(vectors, { rows: count, dims, metric: 'l2' });
    const wanted = [0, 16_383, 16_384, 32_767, 32_768, 39_999];
    const queries = Float32Array.from({ length: 40 * dims }, (_, i) => (i % 2 === 0 ? wanted[(i / 2) % 6]! : 0));
    const found = await search.search(queries, 2);
    expect(found.map(([nearest]) => nearest!.row)).toEqual(Array.from({ length: 40 }, (_, q) => wanted[q % 6]));
    expect(found[1]![1]).toEqual({ row: 16_382, distance: 1 });
  });
});

describe('HotRows', () => {
  it('copies one segment of those it took over when a row is replaced', () => {
    const dims = 2;
    const vectors = new Float32Array(40_000 * dims).fill(1);
    const rows = new HotRows(dims);
    rows.adopt(vectors);
    const before = rows.segments;
    expect(before.map(({ count }) => count)).toEqual([16_384, 16_384, 40_000 - 32_768]);
    expect(before.every((segment) => segment.vectors.buffer === vectors.buffer)).toBe(true);
    rows.replace([20_000], Float32Array.of(2, 3));
    expect(rows.segments.map((segment, i) => segment === before[i])).toEqual([true, false, true]);
    expect(rows.segments[1]!.vectors.byteLength).toBe(16_384 * dims * 4);
    expect(vectors.every((value) => value === 1)).toBe(true);
  });
});

describe('Candidates', () => {
  it('never drops a row that is among the k best by true score (property)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 400 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer(),
        (scores, k, error, seed) => {
          const rng = Rng.stream(seed, 'noise');
          const list = new Candidates(k, error);
          let cutoff = -Infinity;
          scores.forEach((score, row) => {
            const seen = score + (rng.float() * 2 - 1) * error;
            if (!(seen < cutoff)) cutoff = list.push(row, seen);
          });
          const kept = new Set(list.finish());
          const kth = scores.toSorted((a, b) => b - a)[Math.min(k, scores.length) - 1]!;
          scores.forEach((score, row) => {
            if (score >= kth) expect(kept.has(row)).toBe(true);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('drops what is clearly out, so that memory stays small', () => {
    const list = new Candidates(5, 0.1);
    let cutoff = -Infinity;
    for (let row = 0; row < 10_000; row++) if (!(row < cutoff)) cutoff = list.push(row, row);
    expect(list.finish()).toEqual([9995, 9996, 9997, 9998, 9999]);
  });
});
