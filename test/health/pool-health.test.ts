import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poolHealth, type HealthOptions, type HealthReport } from '../../src/health/pool-health.js';
import type { Pool } from '../../src/health/pool.js';
import { poolOf, type Row } from './support.js';

/** Items that are points: "1,2" lies at (1, 2). */
const pointOf = (item: string): number[] => item.split(',').map(Number);
const encode = (items: readonly string[]): Promise<Float32Array> =>
  Promise.resolve(Float32Array.from(items.flatMap(pointOf)));

const health = (pool: Pool, options: HealthOptions = {}): Promise<HealthReport> =>
  poolHealth(pool, options, { encode });

/** Numbers anywhere in a value, by path. */
function numbersIn(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => numbersIn(member, `${path}.${key}`));
}

/** Lists anywhere in a value: each is one that is bounded by `top`, or what a label is taken for. */
function listsIn(value: unknown): unknown[][] {
  if (Array.isArray(value)) return [value, ...value.flatMap(listsIn)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(listsIn);
}

describe('the health of a pool', () => {
  const coordinate = fc.integer({ min: -1, max: 2 });
  const rows: fc.Arbitrary<Row[]> = fc.array(
    fc.tuple(
      fc.tuple(coordinate, coordinate),
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('x', 'X', 'y', 'z', 'w v'),
    ),
    { minLength: 2, maxLength: 25 },
  );
  const items = fc.array(
    fc.tuple(coordinate, coordinate).map((point) => point.join(',')),
    { minLength: 1, maxLength: 8 },
  );

  it('is finite numbers and short lists, whatever the pool: equal points, zeros, one label, few rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          rows,
          ...{ unlabelled: items, queries: items },
          metric: fc.constantFrom('l2' as const, 'cosine' as const),
          modality: fc.constantFrom('text' as const, 'image' as const),
          k: fc.integer({ min: 1, max: 30 }),
          top: fc.integer({ min: 3, max: 6 }),
          oneLabel: fc.boolean(),
        }),
        async ({ rows, metric, modality, oneLabel, ...options }) => {
          const pool = poolOf(
            rows.map(([point, label, input]): Row => [point, oneLabel ? 'a' : label, input]),
            { metric, modality },
          );
          const report = await health(pool, { ...options, select: options.top });
          expect(JSON.parse(JSON.stringify(report))).toEqual(report); // no NaN, no infinity, nothing undefined
          for (const [path, number] of numbersIn(report)) expect([path, Number.isFinite(number)]).toEqual([path, true]);
          for (const list of listsIn(report)) expect(list.length).toBeLessThanOrEqual(options.top);
          const n = rows.length;
          expect(report).toMatchObject({ rows: n, k: Math.min(options.k, n - 1) });
          expect(report.zeroVectors).toBe(rows.filter(([point]) => point.every((x) => x === 0)).length);
          expect(report.doubts.count).toBeLessThanOrEqual(n);
          expect(report.next!.candidates + report.next!.known).toBe(options.unlabelled.length);
          if (oneLabel) {
            expect(report.doubts.count + report.labels.needy + report.duplicates.equal.conflicting.count).toBe(0);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('says what is planted in it', async () => {
    // Two lines of 12 rows each; one row of the other label, one repeated, one far from all.
    const line = (y: number, label: string): Row[] => Array.from({ length: 12 }, (_, x) => [[x + 1, y], label]);
    const pool = poolOf([...line(1, 'a'), ...line(90, 'b'), [[5.5, 1], 'b'], [[3, 1], 'a', 'TEXT  2'], [[900, 1], 'a']]); // prettier-ignore
    const report = await health(pool, { k: 5, nearDistance: 0 });
    expect(report).toMatchObject({ rows: 27, labelCount: 2, dims: 2, metric: 'l2', modality: 'text', k: 5 });
    expect(report.doubts.first.map(({ id, likelier }) => [id, likelier])).toEqual([['r24', 'a']]);
    expect(report.duplicates.equal.agreeing.first[0]!.examples.map(({ id }) => id)).toEqual(['r2', 'r25']);
    expect(report.coverage.antihubs.first[0]!.id).toBe('r26');
    expect([report.next, report.drift]).toEqual([null, null]);
  });

  it('names unlabelled items once, without those that the pool has, those of new places first', async () => {
    const near = Array.from({ length: 8 }, (_, x): Row => [[x, 0], 'a', `${x},0`]);
    const { next } = await health(poolOf(near), {
      ...{ k: 3, select: 2 },
      unlabelled: ['1,0', '2.5,0', '3.5,0', '50,50', '51,50', '50,51', '51,51', '50,50'],
    });
    expect(next).toMatchObject({ candidates: 6, known: 2 });
    expect(next!.chosen).toHaveLength(2);
    for (const { input, nearest } of next!.chosen) {
      expect(input).toMatch(/^5/);
      expect(nearest.id).toBe('r7');
    }
    const known = await health(poolOf(near), { unlabelled: ['1,0'] });
    expect(known.next).toEqual({ chosen: [], candidates: 0, known: 1 });
  });

  it('looks at queries before unlabelled items are among the rows', async () => {
    const pool = poolOf(Array.from({ length: 8 }, (_, x): Row => [[x, 0], 'a']));
    const alone = await health(pool, { queries: ['99,99'] });
    const both = await health(pool, { queries: ['99,99'], unlabelled: ['99,99'] });
    expect(both.drift).toEqual(alone.drift);
    expect(alone.drift!.beyond.share).toBe(1);
  });

  it('tells how far it is', async () => {
    const told: unknown[] = [];
    const onRows = (done: number, total: number): unknown => told.push([done, total]);
    await poolHealth(poolOf([[[0], 'a'], [[1], 'a']]), {}, { encode, onRows }); // prettier-ignore
    expect(told).toEqual([[2, 2]]);
  });

  it.each<[string, HealthOptions, RegExp]>([
    ['k', { k: 0 }, /k is 0, it must be a whole number from 1 to 200/],
    ['k that is no whole number', { k: 2.5 }, /k is 2.5/],
    ['top', { top: 1001 }, /top is 1001, it must be a whole number from 1 to 1000/],
    ['select', { select: Number.NaN }, /select is NaN/],
    ['select without items', { select: 5 }, /select is 5, and there is nothing to select from/],
    ['nearDistance', { nearDistance: -0.1 }, /nearDistance is -0.1, it must be from 0 to 2/],
    ['nearDistance that is no number', { nearDistance: Number.NaN }, /nearDistance is NaN/],
    ['queries', { queries: [] }, /queries has no items/],
    ['unlabelled', { unlabelled: [] }, /unlabelled has no items/],
  ])('refuses %s', async (_, options, message) => {
    const pool = poolOf([[[0], 'a'], [[1], 'b']]); // prettier-ignore
    await expect(health(pool, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([0, 1])('refuses %d rows', async (rows) => {
    const pool = poolOf([[[0], 'a'] as const].slice(0, rows));
    await expect(health(pool)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `health: the index has ${rows} examples, two are needed`,
    });
  });
});
