/**
 * Files of one encoder side by side, in one run and in turn: what embedding and embedding + KL cost with each.
 *
 *     npx tsx bench/encoders.ts ENCODER_FOLDER TEXTS.jsonl FILE[,FILE…] [rounds=5] [pooling]
 *
 * e.g. FILE = onnx/model.onnx,onnx/model_optimised.onnx; FILE@int8 is that file at precision int8. Prints medians, and ratios to the first file's embedding.
 */
import { readConfig } from '../src/core/config.js';
import type { Pooling } from '../src/encoders/encoder.js';
import { loadTextEncoder } from '../src/encoders/text-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import type { Precision } from '../src/engine/import-options.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { buildArtefacts } from '../src/features/artefacts.js';
import { FeatureExtractor } from '../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../src/features/spec.js';
import { interleaved, median } from './rounds.js';

const [folder, data, files, rounds = '5', pooling] = process.argv.slice(2);
if (folder === undefined || data === undefined || files === undefined)
  throw new Error('usage: encoders.ts ENCODER_FOLDER TEXTS.jsonl FILE[,FILE…] [rounds] [pooling]');

const { examples } = await readExamples(data, {});
const texts = examples.map(({ input }) => input);

const jobs: Record<string, () => unknown> = {};
const config = readConfig();
for (const file of files.split(',')) {
  const [name, precision = 'model'] = file.split('@') as [string, Precision?];
  const encoder = await loadTextEncoder(folder, { ...config, file: name, pooling: pooling as Pooling | undefined });
  const engine = await createEngine(encoder, { cacheDir: config.cacheDir, precision });
  const extractor = async (of: FeatureOptions): Promise<FeatureExtractor> => {
    const spec = featureSpec(of);
    return FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, texts.slice(0, 1024)));
  };
  const [embedding, kl] = [await extractor({}), await extractor({ losses: [{ name: 'kl' }] })];
  jobs[`${file} embedding`] = () => embedding.extract(texts);
  jobs[`${file} embedding + KL`] = () => kl.extract(texts);
}
const times = await interleaved(Number(rounds), jobs);
const [first] = Object.values(times).map(median);
for (const [name, values] of Object.entries(times)) {
  const ms = median(values);
  const [embedding] = Object.entries(times).find(([other]) => name.startsWith(other))!;
  const own = median(times[embedding]!);
  console.log(
    `${name.padEnd(48)} ${((texts.length / ms) * 1000).toFixed(1).padStart(8)} texts/s  ${(ms / first!).toFixed(3)}×  ${(ms / own).toFixed(3)}× its embedding  (${values.map((v) => v.toFixed(0)).join(' ')} ms)`,
  );
}
