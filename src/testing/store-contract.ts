/** The promises of ExampleStore as a test suite, for every implementation: ours and the ones that users bring. */
import assert from 'node:assert/strict';
import type { ErrorCode } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import type { ExampleStore, StoredRow } from '../store/store.js';

/** What the suite needs of a test runner; vitest, jest and node:test all have it. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

const DIMS = 4;

/**
 * Declares the suite for one implementation.
 *
 * @param factory makes a new, empty store; the suite closes it
 *
 * @example
 * storeContract('MyStore', async (dims) => new MyStore(dims), { describe, it });
 */
export function storeContract(
  name: string,
  factory: (dims: number) => Promise<ExampleStore>,
  { describe, it }: TestRunner,
): void {
  const check = (promise: string, body: (store: ExampleStore) => Promise<void>): void => {
    it(promise, async () => {
      const store = await factory(DIMS);
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };

  describe(`${name} keeps the store contract`, () => {
    check('begins empty', async (store) => {
      assert.equal(store.dims, DIMS);
      assert.equal(await store.count(), 0);
      assert.deepEqual(await all(store), []);
      assert.deepEqual(await store.get(['a']), []);
      assert.equal(await store.delete(['a']), 0);
      assert.deepEqual(await store.upsert([]), { inserted: 0, updated: 0 });
      assert.deepEqual(await store.verify(), { rows: 0, problems: [] });
    });

    check('returns rows exactly as they were stored', async (store) => {
      const odd = row('odd', {
        input: "NUL \0, newline \n, quote ', emoji \u{1F344}, right-to-left \u202E, combining e\u0301",
        label: '',
        metadata: { year: 2024, share: 0.1, checked: false, 'source name': 'x\u2028y', constructor: 'own' },
        vector: Float32Array.of(-0, 1.401298464324817e-45, 3.4028234663852886e38, -1 / 3),
      });
      const rows = [row('plain'), odd, row(' '), row('x'.repeat(512)), row("' OR '1'='1"), row('../\\"; --\u{1F344}')];
      assert.deepEqual(await store.upsert(rows), { inserted: rows.length, updated: 0 });
      assert.deepEqual(await all(store), rows);
      assert.deepEqual(await store.get(rows.map(({ id }) => id)), rows);
      assert.ok(Object.is((await store.get(['odd']))[0]?.vector[0], -0), 'the sign of zero is kept');
      assert.deepEqual(await store.verify(), { rows: rows.length, problems: [] });
    });

    check('updates in place, and inserts at the end', async (store) => {
      await store.upsert([row('c'), row('a'), row('b')]);
      const changed = row('a', { label: 'new', vector: vectorOf(9) });
      assert.deepEqual(await store.upsert([row('d'), changed]), { inserted: 1, updated: 1 });
      assert.deepEqual(await all(store), [row('c'), changed, row('b'), row('d')]);
      assert.equal(await store.count(), 4);
      await store.delete(['c']);
      await store.upsert([row('c')]);
      assert.deepEqual(await ids(store), ['a', 'b', 'd', 'c']);
    });

    check('lets the last of a repeated id win, at the first one’s place', async (store) => {
      const rows = [row('a', { label: 'first' }), row('b'), row('a', { label: 'last' })];
      assert.deepEqual(await store.upsert(rows), { inserted: 2, updated: 0 });
      assert.deepEqual(await all(store), [row('a', { label: 'last' }), row('b')]);
    });

    check('deletes what there is and says how much', async (store) => {
      await store.upsert(['a', 'b', 'c'].map((id) => row(id)));
      assert.equal(await store.delete(['b', 'b', 'unknown', "a' OR '1'='1", 'a']), 2);
      assert.deepEqual(await ids(store), ['c']);
      assert.equal(await store.count(), 1);
    });

    check('gets in the order asked for, without unknown ids', async (store) => {
      await store.upsert(['a', 'b', 'c'].map((id) => row(id)));
      const got = await store.get(['c', 'unknown', 'a', "a' OR '1'='1"]);
      assert.deepEqual(got, [row('c'), row('a')]);
    });

    check('scans in batches', async (store) => {
      const rows = Array.from({ length: 2500 }, (_, i) => row(`row ${(i * 7919) % 2500}`, { vector: vectorOf(i) }));
      await store.upsert(rows);
      const sizes: number[] = [];
      const seen: StoredRow[] = [];
      for await (const batch of store.scan({ batch: 1100 })) {
        sizes.push(batch.length);
        seen.push(...batch);
      }
      assert.deepEqual(sizes, [1100, 1100, 300]);
      assert.deepEqual(seen, rows);
      await refuses('INVALID_ARGUMENT', () => all(store, 0));
      await refuses('INVALID_ARGUMENT', () => all(store, 1.5));
    });

    check('scans the rows of the moment it began', async (store) => {
      await store.upsert(['a', 'b', 'c'].map((id) => row(id)));
      const seen: string[] = [];
      for await (const batch of store.scan({ batch: 1 })) {
        seen.push(...batch.map(({ id }) => id));
        if (seen.length === 1) {
          await store.delete(['b']);
          await store.upsert([row('d')]);
        }
      }
      assert.deepEqual(seen, ['a', 'b', 'c']);
      assert.deepEqual(await ids(store), ['a', 'c', 'd']);
    });

    check('shares no memory with the caller', async (store) => {
      const given = { ...row('a'), vector: vectorOf(1), metadata: { tag: 'x' } };
      await store.upsert([given]);
      given.vector[0] = 99;
      given.metadata.tag = 'y';
      const expected = [row('a', { vector: vectorOf(1), metadata: { tag: 'x' } })];
      for (const read of [() => store.get(['a']), () => all(store)]) {
        const rows = await read();
        assert.deepEqual(rows, expected);
        rows[0]!.vector[0] = 99;
      }
      assert.deepEqual(await store.get(['a']), expected);
    });

    check('takes calls in the order they are made', async (store) => {
      await Promise.all([
        store.upsert([row('a'), row('b')]),
        store.delete(['a']),
        store.upsert([row('c')]),
        store.upsert([row('a', { label: 'back' })]),
        store.delete(['c']),
      ]);
      assert.deepEqual(await all(store), [row('b'), row('a', { label: 'back' })]);
    });

    check('lets a read see the writes that were called before it', async (store) => {
      await store.upsert([row('a')]);
      void store.upsert([row('b')]);
      const seen = await Promise.all([store.count(), ids(store), store.get(['b'])]);
      assert.deepEqual(seen, [2, ['a', 'b'], [row('b')]]);
      void store.delete(['a']);
      assert.deepEqual(await store.verify(), { rows: 1, problems: [] });
      void store.delete(['b']);
      assert.equal(await store.count(), 0);
    });

    check('has a version that grows with every change, and with no reading', async (store) => {
      const versions = [await store.version()];
      const changes = [
        () => store.upsert([row('a'), row('b')]),
        () => store.upsert([row('a', { label: 'changed' })]),
        () => store.delete(['b']),
      ];
      for (const change of changes) {
        await change();
        versions.push(await store.version());
      }
      assert.deepEqual(
        versions,
        [...new Set(versions)].sort((a, b) => a - b),
      );
      assert.equal(await store.count(), 1);
      await store.get(['a']);
      await all(store);
      assert.equal(await store.version(), versions.at(-1));
    });

    const badVectors: Record<string, unknown> = {
      'too short': new Float32Array(DIMS - 1),
      'too long': new Float32Array(DIMS + 1),
      empty: new Float32Array(0),
      'with NaN': Float32Array.of(0, NaN, 0, 0),
      'with Infinity': Float32Array.of(0, 0, 0, Infinity),
      'with -Infinity': Float32Array.of(-Infinity, 0, 0, 0),
      'of plain numbers': [0, 0, 0, 0],
      missing: null,
    };
    for (const [what, vector] of Object.entries(badVectors)) {
      check(`refuses a vector ${what}, and stores nothing of the call`, async (store) => {
        const bad = row('bad', { vector: vector as Float32Array });
        await refuses('INVALID_VECTOR', () => store.upsert([row('good'), bad]), '"bad"');
        assert.equal(await store.count(), 0);
      });
    }

    check('refuses ids, labels, inputs and metadata that it could not return', async (store) => {
      for (const id of ['', 'x'.repeat(513), 'nul \0', 'lone \uD800', 7, null, undefined]) {
        const bad = id as string;
        await refuses('INVALID_DATA', () => store.upsert([row('good'), row(bad)]));
        await refuses('INVALID_DATA', () => store.get([bad]));
        await refuses('INVALID_DATA', () => store.delete([bad]));
      }
      for (const label of ['lone \uDC00', 'nul \0', null]) {
        await refuses('INVALID_DATA', () => store.upsert([row('a', { label: label as string })]));
      }
      for (const input of ['lone \uD83C', null]) {
        await refuses('INVALID_TEXT', () => store.upsert([row('a', { input: input as string })]));
      }
      for (const metadata of [{ a: NaN }, { a: Infinity }, { a: null }, { a: ['x'] }, { a: '\uD800' }, null, []]) {
        await refuses('INVALID_DATA', () => store.upsert([row('a', { metadata: metadata as never })]));
      }
      assert.equal(await store.count(), 0);
    });

    check('agrees with a Map on random operations', async (store) => {
      const rng = Rng.stream(17, 'store-contract');
      const model = new Map<string, StoredRow>();
      for (let step = 0; step < 40; step++) {
        const some = Array.from({ length: 1 + rng.int(6) }, () => `id ${rng.int(12)}`);
        if (rng.float() < 0.65) {
          const rows = some.map((id) => row(id, { label: `label ${rng.int(3)}`, vector: rng.uniform(DIMS, 1) }));
          const known = new Set(some.filter((id) => model.has(id))).size;
          for (const one of rows) model.set(one.id, one);
          assert.deepEqual(await store.upsert(rows), { inserted: new Set(some).size - known, updated: known });
        } else {
          const known = some.filter((id) => model.delete(id)).length;
          assert.equal(await store.delete(some), known);
        }
        assert.equal(await store.count(), model.size);
        assert.deepEqual(
          await store.get(some),
          some.flatMap((id) => model.get(id) ?? []),
        );
      }
      assert.deepEqual(await all(store), [...model.values()]);
      assert.deepEqual(await store.verify(), { rows: model.size, problems: [] });
    });

    check('refuses calls after close, which may be repeated', async (store) => {
      await store.close();
      await store.close();
      await refuses('INVALID_ARGUMENT', () => store.count());
      await refuses('INVALID_ARGUMENT', () => store.upsert([row('a')]));
      await refuses('INVALID_ARGUMENT', () => store.delete(['a']));
      await refuses('INVALID_ARGUMENT', () => store.get(['a']));
      await refuses('INVALID_ARGUMENT', () => store.verify());
      await refuses('INVALID_ARGUMENT', () => all(store));
    });
  });
}

const vectorOf = (value: number): Float32Array => Float32Array.from({ length: DIMS }, (_, i) => value + i / 8);

function row(id: string, rest: Partial<StoredRow> = {}): StoredRow {
  return { id, input: `text of ${id}`, label: 'label', metadata: {}, vector: vectorOf(0), ...rest };
}

async function all(store: ExampleStore, batch?: number): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for await (const part of store.scan(batch === undefined ? {} : { batch })) rows.push(...part);
  return rows;
}

async function ids(store: ExampleStore): Promise<string[]> {
  return (await all(store)).map(({ id }) => id);
}

async function refuses(code: ErrorCode, call: () => Promise<unknown>, mentions = ''): Promise<void> {
  await assert.rejects(call, (error: { code?: unknown; message: string }) => {
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.includes(mentions), `"${error.message}" mentions ${mentions}`);
    return true;
  });
}
