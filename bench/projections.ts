/**
 * What a projection costs and what it keeps: kNN accuracy of the embedding joined with gradients, for each projection,
 * all over one encoding.
 *
 *     npx tsx bench/projections.ts ENCODER_FOLDER TRAIN.jsonl TEST.jsonl [losses=kl] [seeds=1] [kinds=all]
 *
 * `losses` is kl, simclr or kl+simclr. `kinds` picks rows by name, comma-separated. Holds the token states of every view in
 * memory. Prints accuracy (k = 20, PCA to 512, L2), its mean over the seeds, the blocks' width, and milliseconds a text from states
 * to blocks.
 */
import { readConfig } from '../src/core/config.js';
import { copyNumbers } from '../src/core/duplicates.js';
import { loadTextEncoder } from '../src/encoders/text-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import { rowsInMemory } from '../src/eval/features/row-source.js';
import { knnClassifier } from '../src/eval/classify/knn.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { buildArtefacts } from '../src/features/artefacts.js';
import { FeatureExtractor } from '../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../src/features/spec.js';
import { encodeDistinct, type EncodedViews } from '../src/features/distinct-views.js';

const [folder, trainFile, testFile, name = 'kl', seeds = '1', kinds] = process.argv.slice(2);
if (folder === undefined || trainFile === undefined || testFile === undefined)
  throw new Error('usage: projections.ts ENCODER_FOLDER TRAIN.jsonl TEST.jsonl [losses] [seeds] [kinds]');

const nystrom = (landmarks: number, rank: number) => ({ kind: 'nystrom', landmarks, rank }) as const;
const all: Record<string, FeatureOptions['projection']> = {
  'nystrom-512-1': nystrom(512, 1),
  'nystrom-512-2': nystrom(512, 2),
  'nystrom-1024-1': nystrom(1024, 1),
  'nystrom-1024-2': nystrom(1024, 2),
  'nystrom-1536-2': nystrom(1536, 2),
  'khatri-rao': { kind: 'khatri-rao' },
  dense: { kind: 'dense' },
};
const chosen = kinds?.split(',') ?? Object.keys(all);

const engine = await createEngine(await loadTextEncoder(folder, readConfig()));
const [train, test] = await Promise.all(
  [trainFile, testFile].map(async (file) => (await readExamples(file, {})).examples),
);
const texts = [...train!, ...test!].map(({ input }) => input);
const pool = texts.slice(0, train!.length);
const truth = test!.map(({ label }) => label);
const WINDOW = 512;
const losses = name.split('+').map((loss) => ({ name: loss as 'kl' | 'simclr' }));

/** By first text of the window; the views of a text depend on the seed alone, so all projections share them. */
let encodings = new Map<number, EncodedViews>();

/** Accuracy of one set of features, the width of its gradient blocks, and milliseconds a text from states to features. */
async function measure(options: FeatureOptions): Promise<{ accuracy: number; width: number; ms: number }> {
  const spec = featureSpec(options);
  const extractor = await FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, pool));
  const { width } = extractor.layout;
  const rows = new Float32Array(texts.length * width);
  let ms = 0;
  for (let start = 0; start < texts.length; start += WINDOW) {
    const window = texts.slice(start, start + WINDOW);
    const encoded = encodings.get(start) ?? (await encodeDistinct(engine, extractor.views(window)));
    encodings.set(start, encoded);
    const began = performance.now();
    rows.set((await extractor.features(encoded, window)).rows, start * width);
    ms += performance.now() - began;
  }
  const at = pool.length * width;
  const set = {
    ...{ pool: rowsInMemory(rows.subarray(0, at), width), queries: rowsInMemory(rows.subarray(at), width) },
    copies: copyNumbers(pool, 'text'),
  };
  const { predicted } = await knnClassifier().classify({ rows: set, pool: train!, truth, seed: 0 });
  const accuracy = truth.filter((label, i) => label === predicted[i]).length / truth.length;
  return { accuracy, width: width - engine.info.dims, ms: ms / texts.length };
}

const runs = new Map<string, Awaited<ReturnType<typeof measure>>[]>(chosen.map((kind) => [kind, []]));
for (let seed = 0; seed < Number(seeds); seed++) {
  encodings = new Map();
  for (const kind of chosen) {
    const run = await measure({ seed, losses, projection: all[kind]! });
    console.error(`seed ${seed}, ${kind}: ${(run.accuracy * 100).toFixed(1)}`);
    runs.get(kind)!.push(run);
  }
}
console.log(`${folder}, ${trainFile}: ${pool.length} rows, ${truth.length} queries, ${name}, ${seeds} seeds`);
console.log(`${'embedding'.padEnd(16)} ${((await measure({})).accuracy * 100).toFixed(1)}`);
for (const [kind, measured] of runs) {
  const percent = measured.map((run) => run.accuracy * 100);
  const mean = percent.reduce((a, b) => a + b, 0) / percent.length;
  const { width, ms } = measured[0]!;
  console.log(
    `${kind.padEnd(16)} ${mean.toFixed(1)}  (${percent.map((value) => value.toFixed(1)).join(', ')})  M = ${width}  ${ms.toFixed(2)} ms a text`,
  );
}
await engine.close();
