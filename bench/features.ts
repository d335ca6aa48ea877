/**
 * What gradients cost beside the encoder: the uncut model, the sliced embedding, embedding + KL, and KL + SimCLR beside the encoding
 * of its distinct strings, in turn and in one run.
 *
 *     npx tsx bench/features.ts ENCODER_FOLDER TEXTS.jsonl [rounds=5] [simclr-texts=64]
 *
 * ENCODER_FOLDER holds onnx/model.onnx and the tokenizer. Prints medians, ratios and the share of the machine's matrix speed.
 */
import { readFileSync } from 'node:fs';
import { readConfig } from '../src/core/config.js';
import { asText } from '../src/core/content.js';
import { loadTextEncoder } from '../src/encoders/text-encoder.js';
import { batchesByTokens } from '../src/engine/batches.js';
import { createEngine } from '../src/engine/create-engine.js';
import { TRUNK_LIMITS } from '../src/engine/trunk.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { buildArtefacts } from '../src/features/artefacts.js';
import { FeatureExtractor } from '../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../src/features/spec.js';
import { encodeDistinct } from '../src/features/distinct-views.js';
import { GraphBuilder } from '../src/onnx/builder.js';
import { float32, Session } from '../src/runtime/session.js';
import { interleaved, median } from './rounds.js';

const [folder, file, rounds = '5', simclrTexts = '64'] = process.argv.slice(2);
if (folder === undefined || file === undefined)
  throw new Error('usage: features.ts ENCODER_FOLDER TEXTS.jsonl [rounds] [simclr-texts]');

const encoder = await loadTextEncoder(folder, readConfig());
const engine = await createEngine(encoder);
const { examples } = await readExamples(file, {});
const texts = examples.map(({ input }) => input);
const pool = texts.slice(0, 1024);

const extractor = async (options: FeatureOptions): Promise<FeatureExtractor> => {
  const spec = featureSpec(options);
  return FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, pool));
};
const embedding = await extractor({});
const kl = await extractor({ losses: [{ name: 'kl' }] });
const both = await extractor({ losses: [{ name: 'kl' }, { name: 'simclr' }] });

const uncut = await Session.load(readFileSync(encoder.modelPath), 'uncut');
const lengths = encoder.prepare(texts).map(({ tokens }) => tokens);
/** From text, as the others: with the tokenizer. */
const runUncut = async (): Promise<void> => {
  const prepared = encoder.prepare(texts);
  for (const batch of batchesByTokens(lengths, TRUNK_LIMITS)) {
    await uncut.run(
      encoder.collate(
        batch.map((i) => prepared[i]!),
        uncut.inputNames,
      ),
      ['last_hidden_state'],
    );
  }
};

const few = texts.slice(0, Number(simclrTexts));
const fewViews = [...both.views(await engine.open(few))];
const distinct = [...new Set(fewViews.map(asText))];
const times = await interleaved(Number(rounds), {
  'uncut model.onnx': runUncut,
  'tokenizer alone': () => encoder.prepare(texts),
  'sliced embedding': () => embedding.extract(texts),
  'embedding + KL': () => kl.extract(texts),
});
const viewTimes = await interleaved(Math.max(2, Math.floor(Number(rounds) / 2)), {
  'distinct views alone': () => encodeDistinct(engine, fewViews),
  'their embeddings': () => embedding.extract(distinct),
  'KL + SimCLR': () => both.extract(few),
});

/** Multiplications of the linear layers and attention, times two; the embedding tables cost nothing. */
const config = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as Record<string, number>;
const [L, D, I] = [config['num_hidden_layers']!, config['hidden_size']!, config['intermediate_size']!];
const flop = lengths.reduce((sum, T) => sum + L * (2 * T * (4 * D * D + 2 * D * I) + 4 * T * T * D), 0);
// The ceiling: the model's largest kind of product alone, with a constant weight, which onnxruntime packs once as it does the model's.
const [M, N] = [512, I];
const g = new GraphBuilder('packed');
const weight = g.constant({ type: 'float32', data: new Float32Array(D * N).fill(0.5), shape: [D, N] });
g.output(g.op('MatMul', [g.input('x', 'float32', [M, D]), weight]), 'float32', [M, N], 'y');
const packed = await Session.load(g.build(), 'packed product');
const x = float32(new Float32Array(M * D).fill(0.5), [M, D]);
const peak = await interleaved(50, { product: () => packed.run({ x }, ['y']) });
const machine = (2 * M * D * N) / (Math.min(...peak['product']) * 1e6);

const report = (name: string, values: readonly number[], count: number, against: number): void => {
  const ms = median(values);
  console.log(
    `${name.padEnd(24)} ${((count / ms) * 1000).toFixed(1).padStart(8)} texts/s  ${(ms / against).toFixed(3)}×  (${values.map((v) => v.toFixed(0)).join(' ')} ms)`,
  );
};
console.log(
  `${folder}: ${texts.length} texts, ${lengths.reduce((a, b) => a + b, 0)} tokens, pooling ${encoder.pooling}, ${rounds} rounds in turn, medians`,
);
for (const [name, values] of Object.entries(times))
  report(name, values, texts.length, median(times['uncut model.onnx']));
console.log(`${few.length} texts with 12 views: ${fewViews.length} strings, ${distinct.length} distinct`);
for (const [name, values] of Object.entries(viewTimes))
  report(name, values, few.length, median(viewTimes['distinct views alone']));
const achieved = flop / (median(times['uncut model.onnx']) * 1e6);
console.log(
  `uncut model: ${achieved.toFixed(0)} GFLOP/s of ${machine.toFixed(0)} that a ${M} × ${D} × ${N} product with a packed weight reaches (${((100 * achieved) / machine).toFixed(0)} %)`,
);
await engine.close();
