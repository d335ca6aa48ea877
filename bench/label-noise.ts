/**
 * How many of the examples whose label is wrong the report on a pool's health finds first, as Markdown rows on stdout.
 *
 *     npx tsx bench/label-noise.ts INDEXES_FOLDER SET[,SET …] [share=0.1] [seeds=3] [k=20]
 *
 * The indexes are there (`fungi index banking77 --data train.jsonl --losses none`); labels are changed here, in memory: a share of the rows,
 * drawn by a seed, gets another label each, drawn evenly among the others. What is wrong before stays wrong and counts as right. Columns: set;
 * rows; planted; labels; of the first so many of the list as were planted, the share that are planted (mean over seeds, with the least and the
 * greatest); of the first 100; the length of the list and the share of the planted in it; the length of its confident part and its precision; the
 * same first share by plain votes, without weights, and by the margin between own and likeliest other label; seconds for the neighbour graph.
 */
import { join } from 'node:path';
import type { Example } from '../src/core/item.js';
import { Rng } from '../src/core/rng.js';
import { equalItems, itemKeys, itemNumbers } from '../src/health/duplicates.js';
import { doubtedRows, labelDoubts } from '../src/health/label-doubts.js';
import { leaveOneOut } from '../src/health/leave-one-out.js';
import { neighbourGraph, type NeighbourGraph } from '../src/health/neighbour-graph.js';
import { Pace } from '../src/health/pace.js';
import { pacedSearch } from '../src/health/paced-search.js';
import { rowLabels } from '../src/health/pool.js';
import { LanceStore } from '../src/store/lance.js';

const [indexes, sets, noise = '0.1', seeds = '3', k = '20'] = process.argv.slice(2);
if (indexes === undefined || sets === undefined)
  throw new Error('usage: label-noise.ts INDEXES_FOLDER SET[,SET …] [share] [seeds] [k]');
const percent = (value: number): string => (100 * value).toFixed(1);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

async function rowsOf(set: string) {
  const store = await LanceStore.open(join(indexes!, set));
  const examples: Example[] = [];
  const vectors = new Float32Array((await store.count()) * store.dims);
  for await (const batch of store.scan()) {
    for (const { vector, ...example } of batch) {
      vectors.set(vector, examples.length * store.dims);
      examples.push(example);
    }
  }
  await store.close();
  return { examples, vectors, dims: store.dims };
}

/** The examples with wrong labels, and which they are. */
function planted(examples: readonly Example[], seed: number) {
  const rng = Rng.stream(seed, 'label noise');
  const names = [...new Set(examples.map(({ label }) => label))].sort();
  const wrong = new Set(rng.sample(examples.length, Math.round(Number(noise) * examples.length)));
  const noisy = examples.slice();
  for (const row of wrong) {
    const others = names.filter((name) => name !== examples[row]!.label);
    noisy[row] = { ...examples[row]!, label: others[rng.int(others.length)]! };
  }
  return { noisy, wrong };
}

/** All weights 1: what a plain vote of k neighbours says. */
const unweighted = (graph: NeighbourGraph): NeighbourGraph => ({
  ...graph,
  distances: new Float64Array(graph.distances.length),
});

for (const set of sets.split(',')) {
  const { examples, vectors, dims } = await rowsOf(set);
  const rows = examples.length;
  const pace = new Pace();
  const search = await pacedSearch(vectors, { rows, dims, metric: 'l2' }, pace);
  const began = performance.now();
  const graph = await neighbourGraph(search, vectors, { k: Number(k) });
  const seconds = (performance.now() - began) / 1000;
  const equal = equalItems(
    await itemKeys(
      examples.map(({ input }) => input),
      'text',
      pace,
    ),
  );
  const items = itemNumbers(rows, equal);
  const runs = await Promise.all(
    Array.from({ length: Number(seeds) }, async (_, seed) => {
      const { noisy, wrong } = planted(examples, seed);
      const labels = rowLabels(noisy.map(({ label }) => label));
      const votes = await leaveOneOut(graph, labels, items);
      const list = doubtedRows(votes, labels, equal).map(({ row }) => row);
      const found = (ranked: readonly number[], most: number): number =>
        ranked.slice(0, most).filter((row) => wrong.has(row)).length;
      const named = labelDoubts({ examples: noisy }, labels, votes, equal, list.length);
      const confident = named.first.flatMap(({ confident }, i) => (confident ? [list[i]!] : []));
      const plain = doubtedRows(await leaveOneOut(unweighted(graph), labels, items), labels, equal).map(
        ({ row }) => row,
      );
      const margin = (row: number): number => votes.own[row]! - votes.rivalShare[row]!;
      const byMargin = list.toSorted((a, b) => margin(a) - margin(b));
      const n = wrong.size;
      return {
        ...{ n, labels: labels.names.length },
        atN: found(list, n) / n,
        at100: found(list, 100) / 100,
        ...{ length: list.length, recall: found(list, rows) / n },
        ...{ confident: confident.length, precision: found(confident, rows) / confident.length },
        ...{ plain: found(plain, n) / n, margin: found(byMargin, n) / n },
      };
    }),
  );
  const of = (member: keyof (typeof runs)[number]): readonly number[] => runs.map((run) => run[member]);
  const share = (member: keyof (typeof runs)[number]): string => percent(mean(of(member)));
  const count = (member: keyof (typeof runs)[number]): string => mean(of(member)).toFixed(0);
  const ends = `${percent(Math.min(...of('atN')))} to ${percent(Math.max(...of('atN')))}`;
  const cells = [
    ...[set, rows, count('n'), count('labels'), `${share('atN')} (${ends})`, share('at100')],
    ...[count('length'), share('recall'), count('confident'), share('precision')],
    ...[share('plain'), share('margin'), seconds.toFixed(1)],
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
