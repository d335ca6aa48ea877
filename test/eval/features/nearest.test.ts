/** The reduction is fitted on the pool alone: queries must not take part in what they are judged by. */
import { expect, it } from 'vitest';
import { nearestRows, reduceRows } from '../../../src/eval/features/nearest.js';
import { rowsInMemory } from '../../../src/eval/features/row-source.js';
import { Rng } from '../../../src/core/rng.js';

const WIDTH = 6;
const rng = Rng.stream(0, 'nearest-test');
/** The pool varies along the first two axes, queries along the last four. */
const poolRows = Float32Array.from({ length: 40 * WIDTH }, (_, i) => (i % WIDTH < 2 ? rng.float() - 0.5 : 0));
const queryRows = Float32Array.from({ length: 50 * WIDTH }, (_, i) => (i % WIDTH < 2 ? 0 : 10 * (rng.float() - 0.5)));
const rows = { pool: rowsInMemory(poolRows, WIDTH), queries: rowsInMemory(queryRows, WIDTH) };

it('keeps what the pool varies by, and nothing that only queries vary by', async () => {
  const { dims, pool, queries } = await reduceRows(rows, 2);
  expect(dims).toBe(2);
  const spread = (values: Float32Array): number => Math.max(...values) - Math.min(...values);
  expect(spread(pool)).toBeGreaterThan(0.5);
  expect(spread(queries.filter((_, i) => i % 2 === 0))).toBeLessThan(1e-5);
  expect(spread(queries.filter((_, i) => i % 2 === 1))).toBeLessThan(1e-5);
});

it('does not depend on the other queries', async () => {
  const all = await nearestRows(rows, { k: 5, dims: 2 });
  const one = rowsInMemory(queryRows.slice(7 * WIDTH, 8 * WIDTH), WIDTH);
  const alone = await nearestRows({ pool: rows.pool, queries: one }, { k: 5, dims: 2 });
  expect(alone.neighbours[0]!.map(({ row }) => row)).toEqual(all.neighbours[7]!.map(({ row }) => row));
});
