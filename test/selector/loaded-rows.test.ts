import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { LoadedRows } from '../../src/selector/loaded-rows.js';
import { MemoryStore } from '../../src/store/memory.js';
import type { StoredRow } from '../../src/store/store.js';

const DIMS = 2;

/** On a small grid, so that many rows are equally near, and their order counts. */
function rowOf(id: number, seed: number): StoredRow {
  const rng = Rng.stream('loaded rows', id, seed);
  return {
    id: `r${id}`,
    input: `text ${seed}`,
    label: `label ${rng.int(3)}`,
    metadata: { z: seed, a: -0 },
    vector: Float32Array.from({ length: DIMS }, () => rng.int(3)),
  };
}

const QUERIES = Float32Array.of(0, 0, 1, 1, 2, 0.5);

async function assertEqual(rows: LoadedRows, store: MemoryStore): Promise<void> {
  const read = await LoadedRows.load(store, 'l2');
  expect(rows.version).toBe(read.version);
  expect(rows.size).toBe(read.size);
  expect(rows.labels).toEqual(read.labels);
  for (const filter of [undefined, { label: 'label 1' }, { metadata: { z: { gte: 2 } } }]) {
    expect(await rows.nearest(QUERIES, 7, { filter })).toEqual(await read.nearest(QUERIES, 7, { filter }));
  }
}

describe('LoadedRows', () => {
  it('is after any changes what reading the table again gives (property)', async () => {
    const ids = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 12 });
    const change = fc.oneof(fc.record({ upsert: ids }), fc.record({ remove: ids }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const store = new MemoryStore(DIMS);
        await store.upsert(Array.from({ length: 20 }, (_, id) => rowOf(id, 0)));
        const rows = await LoadedRows.load(store, 'l2');
        for (const [i, action] of changes.entries()) {
          if ('upsert' in action) {
            const upserted = action.upsert.map((id, at) => rowOf(id, i + at)); // an id may come twice
            await store.upsert(upserted);
            rows.upsert(upserted, await store.version());
          } else {
            const removed = action.remove.map((id) => `r${id}`);
            await store.delete(removed);
            rows.remove(removed, await store.version());
          }
          await assertEqual(rows, store);
        }
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it('answers a search from the rows of its call', async () => {
    const store = new MemoryStore(DIMS);
    await store.upsert([0, 1, 2].map((id) => rowOf(id, 0)));
    const rows = await LoadedRows.load(store, 'l2');
    const expected = await rows.nearest(QUERIES, 5);
    const pending = rows.nearest(QUERIES, 5);
    rows.remove(['r0'], 5);
    rows.upsert([rowOf(1, 7), rowOf(9, 7)], 6);
    expect(await pending).toEqual(expected);
  });

  it('goes through its rows for their labels once a change', async () => {
    const rows = await LoadedRows.load(new MemoryStore(DIMS), 'l2');
    rows.upsert([{ ...rowOf(0, 0), label: 'a' }], 1);
    const labels = rows.labels;
    expect(labels).toEqual(['a']);
    expect(rows.labels).toBe(labels);
    rows.upsert([{ ...rowOf(1, 0), label: 'b' }], 2);
    expect(rows.labels).toEqual(['a', 'b']);
    rows.remove(['r0'], 3);
    expect(rows.labels).toEqual(['b']);
    expect(labels).toEqual(['a']);
  });

  it('keeps no object of the caller', async () => {
    const rows = await LoadedRows.load(new MemoryStore(DIMS), 'l2');
    const metadata = { year: 1 };
    rows.upsert([{ ...rowOf(0, 0), metadata }], 1);
    metadata.year = 2;
    expect((await rows.nearest(QUERIES, 1))[0]![0]!.example.metadata).toEqual({ year: 1 });
  });
});
