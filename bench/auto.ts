/**
 * How long it takes to choose on a pool, beyond its features: rows of random numbers around class means, an embedding and one loss.
 *
 *     npx tsx bench/auto.ts [rows=10000] [width of each block=768] [labels=77] [threads=0]
 *
 * Prints seconds to take the rows in, to choose and fit, and to reduce all rows, and the resident memory at the end.
 */
import { AutoFitter, chosenRows } from '../src/auto/auto-fitter.js';
import { Rng } from '../src/core/rng.js';

const [rows = 10_000, width = 768, labels = 77, threads = 0] = process.argv.slice(2).map(Number);
const blocks = [
  { name: 'kl', start: 0, width },
  { name: 'embedding', start: width, width },
];
const F = 2 * width;
const PIECE = 2048;
const means = Rng.stream(0, 'means').uniform(labels * F, 0.3);
const names = Array.from({ length: rows }, (_, row) => `label ${row % labels}`);

function piece(start: number): Float32Array {
  const count = Math.min(PIECE, rows - start);
  const values = Rng.stream(1, 'rows', start).uniform(count * F, 1);
  for (let row = 0; row < count; row++) {
    const from = ((start + row) % labels) * F;
    for (let j = 0; j < F; j++) values[row * F + j]! += means[from + j]!;
  }
  return values;
}

const seconds = async (work: () => Promise<void>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
};

const fitter = new AutoFitter({ blocks, dims: 512, budgetMs: 1e9 }, { threads });
let taken = 0;
for (let start = 0; start < rows; start += PIECE) {
  const own = piece(start);
  taken += await seconds(() => fitter.add(own, names.slice(start, start + own.length / F)));
}
const found: Awaited<ReturnType<AutoFitter['fit']>>[] = [];
const chosen = await seconds(async () => {
  found.push(await fitter.fit());
});
const { reducer, blocks: own, choice } = found[0]!;
let reduced = 0;
for (let start = 0; start < rows; start += PIECE) {
  const values = chosenRows(piece(start), blocks, own);
  reduced += await seconds(async () => {
    await reducer.transform(values);
  });
}
console.log(`${rows} rows of ${F} features, ${labels} labels: ${choice?.losses.join('+') || 'the embedding'} chosen`);
console.log(
  `taken in ${taken.toFixed(1)} s, chosen and fitted ${chosen.toFixed(1)} s, reduced ${reduced.toFixed(1)} s`,
);
console.log(`resident ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`);
