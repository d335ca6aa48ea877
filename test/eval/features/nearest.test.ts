/** The reduction is fitted on the pool alone: queries must not take part in what they are judged by. */
import { expect, it, vi } from 'vitest';
import { nearestRows, reduceRows } from '../../../src/eval/features/nearest.js';
import { rowsInMemory } from '../../../src/eval/features/row-source.js';
import { Rng } from '../../../src/core/rng.js';
import { LabelledStatistics } from '../../../src/reduce/labelled-statistics.js';

const WIDTH = 6;
const rng = Rng.stream(0, 'nearest-test');
/** The pool varies along the first two axes, queries along the last four. */
const poolRows = Float32Array.from({ length: 40 * WIDTH }, (_, i) => (i % WIDTH < 2 ? rng.float() - 0.5 : 0));
const queryRows = Float32Array.from({ length: 50 * WIDTH }, (_, i) => (i % WIDTH < 2 ? 0 : 10 * (rng.float() - 0.5)));
const labels = Array.from({ length: 40 }, (_, row) => `label ${row % 2}`);
const copies = labels.map((_, row) => row);
const rows = { pool: rowsInMemory(poolRows, WIDTH), queries: rowsInMemory(queryRows, WIDTH), copies };

it('keeps what the pool varies by, and nothing that only queries vary by', async () => {
  const { dims, pool, queries } = await reduceRows(rows, { dims: 2, labels });
  expect(dims).toBe(2);
  const spread = (values: Float32Array): number => Math.max(...values) - Math.min(...values);
  expect(spread(pool)).toBeGreaterThan(0.5);
  expect(spread(queries.filter((_, i) => i % 2 === 0))).toBeLessThan(1e-5);
  expect(spread(queries.filter((_, i) => i % 2 === 1))).toBeLessThan(1e-5);
});

it('does not depend on the other queries', async () => {
  const all = await nearestRows(rows, { k: 5, dims: 2, labels });
  const one = rowsInMemory(queryRows.slice(7 * WIDTH, 8 * WIDTH), WIDTH);
  const alone = await nearestRows({ ...rows, queries: one }, { k: 5, dims: 2, labels });
  expect(alone.neighbours[0]!.map(({ row }) => row)).toEqual(all.neighbours[7]!.map(({ row }) => row));
});

it('takes the metric that the reduction is made for, unless told another', async () => {
  const three = Array.from({ length: 40 }, (_, row) => `label ${row % 3}`);
  const rowsOf = async (metric?: 'l2' | 'cosine') => {
    const reduction = { kind: 'lda', shrinkage: 0.5 } as const;
    return (await nearestRows(rows, { k: 3, dims: 2, labels: three, reduction, metric })).neighbours;
  };
  const distances = (found: Awaited<ReturnType<typeof rowsOf>>) => found.flat().map(({ distance }) => distance);
  expect(await rowsOf()).toEqual(await rowsOf('cosine'));
  expect(Math.max(...distances(await rowsOf()))).toBeLessThanOrEqual(2);
  expect(await rowsOf('l2')).not.toEqual(await rowsOf('cosine'));
});

it('gives a reduction the labels of its own rows, piece by piece', async () => {
  // More rows than are read at once; label and first feature agree in every one.
  const count = 2500;
  const own = Float32Array.from({ length: count * 3 }, (_, at) =>
    at % 3 === 0 ? (Math.floor(at / 3) % 5 === 0 ? 1 : -1) + 0.1 * rng.float() : rng.float(),
  );
  const many = Array.from({ length: count }, (_, row) => (row % 5 === 0 ? 'a' : 'b'));
  const set = {
    ...{ pool: rowsInMemory(own, 3), queries: rowsInMemory(own.subarray(0, 3), 3) },
    copies: many.map((_, row) => row),
  };
  const { pool } = await reduceRows(set, { dims: 3, labels: many, reduction: { kind: 'lda', shrinkage: 0.1 } });
  const sides = new Set(many.map((label, row) => `${label} ${Math.sign(pool[row]! - 0.01)}`));
  expect(pool).toHaveLength(count);
  expect([...sides].length).toBeLessThanOrEqual(3);
  expect(pool[0]! * pool[1]!).toBeLessThan(0);
});

it.each(['lda', 'blend'] as const)('holds copies out together where %s chooses its shrinkage', async (kind) => {
  const half = Float32Array.from({ length: 60 * WIDTH }, () => rng.float() - 0.5);
  const twice = Float32Array.from([...half, ...half]);
  const drawn = Array.from({ length: 60 }, () => `label ${rng.int(4)}`);
  const add = vi.spyOn(LabelledStatistics.prototype, 'add');
  const numbers = Array.from({ length: 120 }, (_, row) => row % 60);
  const set = { pool: rowsInMemory(twice, WIDTH), queries: rowsInMemory(half, WIDTH), copies: numbers };
  await nearestRows(set, { k: 3, dims: 4, labels: [...drawn, ...drawn], reduction: { kind } });
  expect(add.mock.calls.flatMap(([, , groups]) => groups ?? [])).toEqual(numbers);
  add.mockRestore();
});
