/**
 * Plain embedding, embedding + KL and KL + SimCLR beside PyTorch (bench/pytorch.py), and plain embedding beside the pipeline of
 * @huggingface/transformers, in turn and in one run.
 *
 *     npx tsx bench/against-pytorch.ts PYTHON ENCODER_FOLDER TEXTS.jsonl [rounds=3] [simclr-texts=32]
 *
 * PYTHON has torch and transformers; ENCODER_FOLDER holds weights for both (config.json, model.safetensors, onnx/model.onnx).
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { basename, dirname, resolve } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { readConfig } from '../src/core/config.js';
import { loadTextEncoder } from '../src/encoders/text-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { buildArtefacts } from '../src/features/artefacts.js';
import { FeatureExtractor } from '../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../src/features/spec.js';
import { interleaved, median } from './rounds.js';

const [python, folder, file, rounds = '3', few = '32'] = process.argv.slice(2);
if (python === undefined || folder === undefined || file === undefined)
  throw new Error('usage: against-pytorch.ts PYTHON ENCODER_FOLDER TEXTS.jsonl');

const torch = spawn(python, [new URL('pytorch.py', import.meta.url).pathname, folder, file, few], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: torch.stdout })[Symbol.asyncIterator]();
await lines.next(); // ready
const ask = async (task: string): Promise<void> => {
  torch.stdin.write(`${task}\n`);
  await lines.next();
};

const encoder = await loadTextEncoder(folder, readConfig());
const engine = await createEngine(encoder);
const texts = (await readExamples(file, {})).examples.map(({ input }) => input);
const extractor = async (options: FeatureOptions): Promise<FeatureExtractor> => {
  const spec = featureSpec(options);
  return FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, texts));
};
const embedding = await extractor({});
const kl = await extractor({ losses: [{ name: 'kl' }] });
const both = await extractor({ losses: [{ name: 'kl' }, { name: 'simclr' }] });

env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(folder));
const pipe = await pipeline('feature-extraction', basename(folder), { dtype: 'fp32' });
const byLength = texts.toSorted((a, b) => b.length - a.length);
const runPipeline = async (): Promise<void> => {
  for (let i = 0; i < byLength.length; i += 16) {
    await pipe(byLength.slice(i, i + 16), { pooling: encoder.pooling === 'mean' ? 'mean' : 'cls' });
  }
};

const times = await interleaved(Number(rounds), {
  'ours: embedding': () => embedding.extract(texts),
  'PyTorch: embedding, batch 8': () => ask('embed 8'),
  'PyTorch: embedding, batch 16': () => ask('embed 16'),
  'PyTorch: embedding, batch 32': () => ask('embed 32'),
  'PyTorch: embedding, batch 64': () => ask('embed 64'),
  'transformers.js: embedding, batch 16': runPipeline,
  'ours: embedding + KL': () => kl.extract(texts),
  'PyTorch: KL by hooks, batch 64': () => ask('kl 64'),
});
const views = await interleaved(1, {
  'ours: KL + SimCLR': () => both.extract(texts.slice(0, Number(few))),
  'PyTorch: KL + SimCLR by hooks': () => ask('simclr 8'),
});
const show = (group: Record<string, number[]>, count: number): void => {
  const [ours] = Object.values(group);
  for (const [name, values] of Object.entries(group)) {
    const ms = median(values);
    console.log(
      `${name.padEnd(38)} ${((count / ms) * 1000).toFixed(1).padStart(8)} texts/s  ${(ms / median(ours!)).toFixed(2)}× the first`,
    );
  }
};
console.log(`${folder}, ${texts.length} texts, ${rounds} rounds in turn, medians`);
show(times, texts.length);
show(views, Number(few));
torch.stdin.end();
await engine.close();
