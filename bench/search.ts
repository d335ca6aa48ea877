/**
 * Exact search on the hot matrix beside a plain loop and LanceDB's flat search, in turn and in one run.
 *
 *     npx tsx bench/search.ts [n=10000] [P=512] [k=20] [rounds=20]
 *
 * Prints milliseconds a query (median), alone and in a batch, and the ratio to ours.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { Rng } from '../src/core/rng.js';
import { ExactSearch } from '../src/retrieve/exact-search.js';
import { interleaved, median } from './rounds.js';

const [n = 10_000, P = 512, k = 20, rounds = 20] = process.argv.slice(2).map(Number);
const BATCH = 100;
/** As many clients of a server, in both spaces of an index that chose for itself. */
const AT_ONCE = 20;

/** Components fall as PCA's do; rows of length about 1. */
const sample = (count: number, name: string): Float32Array =>
  Rng.stream(1, name)
    .uniform(count * P, 1)
    .map((value, i) => (value * 0.3) / Math.sqrt(1 + (i % P)));

const vectors = sample(n, 'rows');
const queries = sample(BATCH, 'queries');
const query = queries.subarray(0, P);
const each = Array.from({ length: AT_ONCE }, (_, q) => queries.subarray(q * P, (q + 1) * P));

function plain(wanted: Float32Array): number[] {
  const found: { row: number; square: number }[] = [];
  for (let row = 0; row < n; row++) {
    let square = 0;
    for (let j = 0; j < P; j++) {
      const difference = vectors[row * P + j]! - wanted[j]!;
      square += difference * difference;
    }
    if (found.length === k && square >= found[k - 1]!.square) continue;
    const at = found.findLastIndex((other) => other.square <= square) + 1;
    found.splice(at, 0, { row, square });
    if (found.length > k) found.pop();
  }
  return found.map(({ row }) => row);
}

const search = await ExactSearch.create(vectors, { rows: n, dims: P, metric: 'l2' });
const folder = mkdtempSync(join(tmpdir(), 'fungi-bench-'));
try {
  const rows = Array.from({ length: n }, (_, id) => ({
    id,
    vector: Array.from(vectors.subarray(id * P, (id + 1) * P)),
  }));
  const table = await (await connect(folder)).createTable('rows', rows);
  const lance = async (wanted: Float32Array): Promise<number[]> => {
    const found = (await table.search(wanted).select(['id', '_distance']).limit(k).toArray()) as { id: number }[];
    return found.map(({ id }) => id);
  };

  const expected = plain(query).join();
  const [ours] = await search.search(query, k);
  console.log(
    `the same ${k} rows: ours ${ours!.map(({ row }) => row).join() === expected}, LanceDB ${(await lance(query)).join() === expected}`,
  );

  const times = await interleaved(rounds, {
    'ours, one query': () => search.search(query, k),
    'plain loop': () => plain(query),
    'LanceDB, one query': () => lance(query),
    [`ours, ${BATCH} queries`]: () => search.search(queries, k),
    [`ours, ${AT_ONCE} searches at once`]: () => Promise.all(each.map((one) => search.search(one, k))),
    [`ours, ${AT_ONCE} searches in turn`]: async () => {
      for (const one of each) await search.search(one, k);
    },
    'ours, one query, a tenth allowed': () => search.search(query, k, { allow: (row) => row % 10 === 0 }),
  });
  const base = median(times['ours, one query']);
  for (const [name, values] of Object.entries(times)) {
    const asked = name.includes(`${BATCH} queries`) ? BATCH : name.includes('searches') ? AT_ONCE : 1;
    const one = median(values) / asked;
    console.log(
      `${name.padEnd(34)} ${one.toFixed(3).padStart(9)} ms a query  ${(one / base).toFixed(2).padStart(7)} ×`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
