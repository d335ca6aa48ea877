/**
 * What int8 costs: kNN accuracy of float32 and int8 on the same pool and queries, with the paired difference and its 95 % interval.
 *
 *     npx tsx bench/precision.ts ENCODER_FOLDER TRAIN.jsonl TEST.jsonl [features=embedding,kl] [seeds=3]
 */
import { readConfig } from '../src/core/config.js';
import { Rng } from '../src/core/rng.js';
import { loadTextEncoder } from '../src/encoders/text-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import { PRECISIONS } from '../src/engine/import-options.js';
import { pairedBootstrap } from '../src/eval/measures/intervals.js';
import { drawPools } from '../src/eval/data/pools.js';
import { classifyAll, type ClassifiedRun } from '../src/eval/classify/classify.js';
import { knnClassifier } from '../src/eval/classify/knn.js';
import { readExamples } from '../src/eval/data/read-examples.js';

const [folder, trainFile, testFile, features = 'embedding,kl', seeds = '3'] = process.argv.slice(2);
if (folder === undefined || trainFile === undefined || testFile === undefined)
  throw new Error('usage: precision.ts ENCODER_FOLDER TRAIN.jsonl TEST.jsonl [features] [seeds]');

const config = readConfig();
const encoder = await loadTextEncoder(folder, config);
const train = (await readExamples(trainFile, {})).examples;
const test = (await readExamples(testFile, {})).examples;
const results: Record<string, readonly ClassifiedRun[]> = {};
for (const precision of PRECISIONS) {
  const engine = await createEngine(encoder, { cacheDir: config.cacheDir, precision });
  const began = performance.now();
  results[precision] = await classifyAll(engine, {
    classifier: knnClassifier(),
    train,
    test,
    features: features.split(','),
    pools: drawPools(
      train.map(({ label }) => label),
      { seeds: Array.from({ length: Number(seeds) }, (_, i) => i) },
    ),
  }).then(({ runs }) => runs);
  console.log(`${precision}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await engine.close();
}
const percent = (share: number): string => (100 * share).toFixed(2);
const share = (correct: readonly boolean[]): number => correct.filter(Boolean).length / correct.length;
for (const set of features.split(',')) {
  const runsOf = (precision: string): (readonly boolean[])[] =>
    results[precision]!.filter((result) => result.features === set).map(({ correct }) => correct);
  const [exact, rounded] = [runsOf('model'), runsOf('int8')];
  const { difference, low, high } = pairedBootstrap(exact, rounded, Rng.stream(0, 'precision', set));
  const shares = (runs: readonly (readonly boolean[])[]): string => runs.map((run) => percent(share(run))).join(' ');
  console.log(
    `${set}: float32 ${shares(exact)}, int8 ${shares(rounded)}, difference ${percent(difference)} (${percent(low)} to ${percent(high)})`,
  );
}
