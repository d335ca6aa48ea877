/**
 * Reductions compared by kNN, as Markdown rows on stdout: on the whole pool (k = 20, ties by name), and on 5 rows of each class (k = 5, ties
 * to the nearest: with as many rows as votes, most votes are tied, and by name the tie has no say of the distances).
 *
 *     npx tsx bench/reducers.ts ENCODER DATA_FOLDER OUT_FOLDER [SET …]
 *
 * ENCODER is a folder or a name; with `bert` in its name the plain embedding is centred, gradients are projected on 1,536 landmarks, and
 * both joined are reduced by PCA under L2; with any other encoder nothing is reduced, gradients are projected on 1,536 dense directions, and the metric
 * is cosine. DATA_FOLDER holds a folder of each set with train.jsonl and test.jsonl. Figures go to OUT_FOLDER as well, one file for each
 * encoder and set; a file that is there is printed, not made again. Features are kept in the cache (FUNGI_CACHE).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sourcesOf } from '../src/cli/options.js';
import { encoderIdentity, featureFolder } from '../src/cli/feature-cache.js';
import { readConfig } from '../src/core/config.js';
import { silentLogger } from '../src/core/log.js';
import type { ClassifiedRun } from '../src/eval/classify/classify.js';
import { knnClassifier, type KnnOptions } from '../src/eval/classify/knn.js';
import { summarise, type SetSummary } from '../src/eval/classify/report.js';
import { drawPools, type Pool } from '../src/eval/data/pools.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { FeatureRows } from '../src/eval/features/feature-rows.js';
import { parseFeatureSet } from '../src/eval/features/feature-sets.js';
import { loadEngine } from '../src/selector/load-engine.js';

const [encoder, data, out, ...asked] = process.argv.slice(2);
if (encoder === undefined || data === undefined || out === undefined)
  throw new Error('usage: reducers.ts ENCODER DATA_FOLDER OUT_FOLDER [SET …]');
const SETS = ['banking77', 'trec6', 'sst5', 'mr', 'snips', 'atis', 'sms_spam', 'ag_news'];
/** Test rows taken, first ones; ag_news has 7,600. */
const TEST_ROWS = 3080;
const SHOTS = 5;
const FEW = { k: SHOTS, ties: 'nearest' } as const;
const SEEDS = [0, 1, 2];
const isBert = basename(encoder).includes('bert');
const WIDE = 4096;
const percent = (value: number): string => (100 * value).toFixed(1);
const signed = (value: number): string => `${value < 0 ? '' : '+'}${percent(value)}`;

type Case = readonly [name: string, features: 'embedding' | 'kl', options: KnnOptions];
const CASES: readonly Case[] = [
  ['E', 'embedding', isBert ? { reducer: 'pca', dims: WIDE, metric: 'cosine' } : { reducer: 'none', metric: 'cosine' }],
  ['E+K', 'kl', isBert ? { reducer: 'pca' } : { reducer: 'none', metric: 'cosine' }],
  ...(['embedding', 'kl'] as const).flatMap((features): Case[] => {
    const name = features === 'kl' ? 'E+K' : 'E';
    return [
      [`${name}, lda 0.2`, features, { reducer: 'lda', shrinkage: 0.2 }],
      [`${name}, lda auto`, features, { reducer: 'lda' }],
      [`${name}, blend auto`, features, { reducer: 'blend' }],
    ];
  }),
];

interface Figures extends SetSummary {
  /** Of each seed. */
  readonly shrinkage: readonly (number | undefined)[];
  /** Of reduction, search and vote, mean over seeds. */
  readonly seconds: number;
}

async function figuresOf(set: string): Promise<Figures[]> {
  const file = join(out!, `${basename(encoder!)}-${set}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Figures[];
  const read = async (part: string) => (await readExamples(join(data!, set, `${part}.jsonl`), {})).examples;
  const train = await read('train');
  const test = (await read('test')).slice(0, TEST_ROWS);
  const labels = train.map(({ label }) => label);
  const whole: Pool = { seed: 0, shots: null, rows: train.map((_, row) => row) };
  const config = readConfig();
  const context = { config, log: silentLogger, onProgress: () => undefined };
  const loaded = await loadEngine({ encoder: encoder!, threads: 1, sources: sourcesOf(context as never) });
  // One draw of landmarks for all pools: what few shots have in common with the whole pool is made once.
  const few = drawPools(labels, { shots: [SHOTS], sampling: 'per-class', unlabelled: false, seeds: SEEDS });
  const pools = [whole, ...few.map((pool) => ({ ...pool, seed: 0, unlabelled: whole.rows }))];
  const rows = await FeatureRows.encode(loaded.engine, {
    train: train.map(({ input }) => input),
    test: test.map(({ input }) => input),
    pools,
    losses: [{ name: 'kl' }],
    settings: { projection: isBert ? { kind: 'nystrom', landmarks: 1536 } : { kind: 'dense', width: 1536 } },
    cache: {
      ...{ folder: featureFolder(config), encoder: encoderIdentity(loaded, {}), encoderName: loaded.encoder.id },
    },
  });
  const truth = test.map(({ label }) => label);
  const runs: ClassifiedRun[] = [];
  for (const [place, pool] of pools.entries()) {
    for (const [name, features, options] of CASES) {
      const began = performance.now();
      const own = pool.rows.map((row) => train[row]!);
      const task = { rows: rows.of(parseFeatureSet(features), place), pool: own, truth, seed: place };
      const found = await knnClassifier({ ...options, ...(pool.shots !== null && FEW) }).classify(task);
      const seconds = (performance.now() - began) / 1000;
      const correct = found.predicted.map((label, row) => label === truth[row]);
      runs.push({ ...found, correct, features: name, seed: place, shots: pool.shots, pool: own.length, seconds });
      const share = correct.filter(Boolean).length / truth.length;
      console.error(
        set,
        pool.shots ?? 'all',
        name,
        percent(share),
        found.measures!['shrinkage'] ?? '',
        seconds.toFixed(1),
      );
    }
  }
  const measured = summarise(runs, truth).map((summary): Figures => {
    const own = runs.filter(({ features, shots }) => features === summary.features && shots === summary.shots);
    const seconds = own.reduce((sum, run) => sum + run.seconds, 0) / own.length;
    return { ...summary, shrinkage: own.map(({ measures }) => measures!['shrinkage']), seconds };
  });
  await rows.close();
  await loaded.engine.close();
  mkdirSync(out!, { recursive: true });
  writeFileSync(file, JSON.stringify(measured, null, 1));
  return measured;
}

for (const set of asked.length > 0 ? asked : SETS) {
  for (const own of await figuresOf(set)) {
    const { features, shots, accuracy, low, high, gain, measures, shrinkage, dims, seconds } = own;
    const cells = [
      ...[set, shots ?? 'all', features, `${percent(accuracy)} (${percent(low)} to ${percent(high)})`],
      gain === undefined ? '' : `${signed(gain.difference)} (${signed(gain.low)} to ${signed(gain.high)})`,
      ...[percent(measures['labelHit']!), percent(measures['sameLabel']!)],
      ...[shrinkage.filter((each) => each !== undefined).join(', '), dims, seconds.toFixed(1)],
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
