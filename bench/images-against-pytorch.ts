/**
 * Image features beside PyTorch (bench/pytorch_images.py), in turn and in one run: DINOv2's embedding beside transformers', gradients of
 * KL, SimCLR and DINO beside the authors' library `fungivision`. Both sides start from the files, decoding and resizing included.
 *
 *     npx tsx bench/images-against-pytorch.ts PYTHON ENCODER_FOLDER IMAGES [kl|simclr|dino] [count=8] [rounds=3] [processes=0]
 *
 * PYTHON has torch, transformers and fungivision. IMAGES is a folder, searched in its folders too. SimCLR and DINO take one image, in
 * 49 patches and 12 crops. Negatives are few (2 items): little of the time hangs on them but the setup's. With processes, ours are shared by so many,
 * which have been started before anything is timed.
 */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readConfig } from '../src/core/config.js';
import { loadEncoder } from '../src/encoders/load-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import { buildArtefacts } from '../src/features/artefacts.js';
import { encodeDistinct } from '../src/features/distinct-views.js';
import { FeatureExtractor } from '../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../src/features/spec.js';
import { interleaved, median } from './rounds.js';

const [python, folder, images, loss = 'kl', count = '8', rounds = '3', processes = '0'] = process.argv.slice(2);
if (python === undefined || folder === undefined || images === undefined)
  throw new Error(
    'usage: images-against-pytorch.ts PYTHON ENCODER_FOLDER IMAGES [kl|simclr|dino] [count] [rounds] [processes]',
  );

const found = (await readdir(images, { recursive: true })).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
const step = Math.max(1, Math.floor(found.length / Number(count)));
const files = found.filter((_, i) => i % step === 0).slice(0, Number(count)).map((name) => join(images, name)); // prettier-ignore

const torch = spawn(python, [new URL('pytorch_images.py', import.meta.url).pathname, ...files], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: torch.stdout })[Symbol.asyncIterator]();
const ask = async (task: string): Promise<void> => {
  torch.stdin.write(`${task}\n`);
  if ((await lines.next()).value !== 'done') throw new Error(`pytorch_images.py failed at ${task}`);
};

const encoder = await loadEncoder(folder, readConfig());
const engine = await createEngine(encoder, { processes: Number(processes) });
const began = performance.now();
while (Number(processes) > 0 && performance.now() - began < 8000) await engine.encode(await engine.open(files));
const extractor = async (options: FeatureOptions): Promise<FeatureExtractor> => {
  const spec = featureSpec(options, encoder.modality);
  return FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, files));
};
const show = (group: Record<string, number[]>, against: string, items: number): void => {
  for (const [name, values] of Object.entries(group)) {
    const ratios = values.map((ms, round) => ms / group[against]![round]!);
    console.log(
      `${name.padEnd(34)} ${(median(values) / items).toFixed(0).padStart(7)} ms an image  ${median(ratios).toFixed(2)}× ${against}  (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')})`,
    );
  }
};

if (loss !== 'kl') {
  const image = files.slice(0, 1);
  const contents = await engine.open(image);
  const ours = await extractor({ losses: [loss === 'dino' ? { name: loss } : { name: 'simclr', negativeItems: 2 }] });
  const times = await interleaved(Number(rounds), {
    'ours: views alone': () => encodeDistinct(engine, ours.views(contents)),
    [`ours: embedding + ${loss}`]: () => ours.extract(image),
    [`fungivision: ${loss}`]: () => ask(`${loss} 1`),
  });
  console.log(`${loss}, one image, ${ours.viewsPerItem} views with itself, ${rounds} rounds in turn`);
  show(times, 'ours: views alone', 1);
  show(times, `ours: embedding + ${loss}`, 1);
} else {
  const embedding = await extractor({});
  const kl = await extractor({ losses: [{ name: 'kl' }] });
  const times = await interleaved(Number(rounds), {
    'ours: embedding': () => embedding.extract(files),
    'PyTorch: embedding, batch 1': () => ask('embed 1'),
    'PyTorch: embedding, batch 8': () => ask('embed 8'),
    'PyTorch: embedding, batch 16': () => ask('embed 16'),
    'ours: embedding + KL': () => kl.extract(files),
    'fungivision: KL, batch 1': () => ask('kl 1'),
    'fungivision: KL, batch 8': () => ask('kl 8'),
  });
  console.log(`${folder}, ${files.length} images, ${rounds} rounds in turn: medians, and ratios round by round`);
  show(times, 'ours: embedding', files.length);
  show(times, 'ours: embedding + KL', files.length);
}
torch.stdin.end();
await engine.close();
