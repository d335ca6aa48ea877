/**
 * What the KL gradient costs beside an image or audio encoder: the uncut model, the embedding through trunk and tail, and embedding + KL,
 * in turn and in one run, of random items, and trunk and tails alone.
 *
 *     npx tsx bench/media.ts MODEL.onnx SHAPE POOLING [items=4] [rounds=5] [output] [--tfjs]
 *
 * SHAPE is that of an item: `3,224,224 first` for DINOv2, `80,3000 mean` for Whisper. The projection is of the default's size, 1,024
 * directions that are mixed to 1,024 numbers. Prints medians and ratios, and with --tfjs
 * how far TensorFlow.js's gradient of one item is from ours (a minute for Whisper).
 */
import { readFile } from 'node:fs/promises';
import { Rng } from '../src/core/rng.js';
import { asText } from '../src/core/content.js';
import type { Encoder, Pooling, Prepared } from '../src/encoders/encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import type { Artefact, GradientEngine } from '../src/engine/engine.js';
import { PROJECTION } from '../src/engine/projection.js';
import { distance } from '../src/engine/tolerance.js';
import { kl } from '../src/losses/kl.js';
import { readModel } from '../src/onnx/model.js';
import { float32, Session } from '../src/runtime/session.js';
import { interleaved, median } from './rounds.js';

const [path, sizes, pooling, count = '4', rounds = '5', output] = process.argv
  .slice(2)
  .filter((argument) => argument !== '--tfjs');
if (path === undefined || sizes === undefined || pooling === undefined)
  throw new Error('usage: media.ts MODEL.onnx SHAPE POOLING [items] [rounds] [output]');

const [LATENT, DIRECTIONS] = [768, 1024];
const shape = sizes.split(',').map(Number);
const size = shape.reduce((a, b) => a * b, 1);
const { proto, folder } = await readModel(path);
const input = proto.graph!.input[0]!.name;
const named = output === undefined ? {} : { output };

interface Item extends Prepared {
  readonly data: Float32Array;
}
/** Item 0 and every other begin alike: with a class token, or a first patch or frames that are the same. */
const item = (name: string): Item => {
  const data = Rng.stream(0, name).uniform(size, 1);
  data.set(Rng.stream(0, 'beginning').uniform(size / 8, 1));
  return { data, tokens: 1, truncated: false };
};
const collate = (batch: readonly Item[]) => {
  const data = new Float32Array(batch.length * size);
  batch.forEach((one, row) => {
    data.set(one.data, row * size);
  });
  return { [input]: float32(data, [batch.length, ...shape]) };
};
const encoder: Encoder<Item> = {
  ...{ id: path, modality: 'image', modelPath: path, modelSha256: '', preprocessorSha256: '', maxTokens: 1 },
  pooling: pooling as Pooling,
  identify: (names) => Promise.resolve(names),
  open: (names) => Promise.resolve(names),
  prepare: (names) => names.map((name) => item(asText(name))),
  probe: () => [item('0'), item('1')],
  collate,
};

const engine = await createEngine(encoder, named);
const { dims, target, sliced } = engine.info;
const drawn = (name: string, ...of: readonly number[]): Artefact => ({
  data: Rng.stream(0, name).uniform(of.reduce((a, b) => a * b, 1), 1 / Math.sqrt(of[0]!)), // prettier-ignore
  shape: of,
});
const loss = kl({ mode: 'paper', latent: LATENT });
const head = { 'kl.head.weight': drawn('weight', dims, LATENT), 'kl.head.bias': drawn('bias', LATENT) };
const program = await engine.program(
  { loss, gradient: { kind: 'bilinear', count: DIRECTIONS, rank: 1, mixed: DIRECTIONS } },
  {
    ...head,
    [PROJECTION.left]: drawn('left', target.outFeatures, DIRECTIONS),
    [PROJECTION.right]: drawn('right', target.inFeatures, DIRECTIONS),
    [PROJECTION.bias]: drawn('projection bias', DIRECTIONS),
    [PROJECTION.mix]: drawn('mix', DIRECTIONS, DIRECTIONS),
  },
);
const embed = await engine.program({});
const gradient = await engine.program({ loss, gradient: { kind: 'factors' } }, head);

const items = Array.from({ length: Number(count) }, (_, i) => String(i));
const places = [...items.keys()].map((place) => [place]);
const states = await engine.encode(items);
const uncut = await Session.load(await readFile(path), 'uncut', { folder }); // prettier-ignore
const tensor = engine.info.output;
const isOutput = proto.graph!.output.some(({ name }) => name === tensor);
const feeds = items.map((name) => collate([item(name)]));

const times = await interleaved(Number(rounds), {
  'uncut model.onnx': async () => {
    for (const feed of feeds) await uncut.run(feed, [isOutput ? tensor : proto.graph!.output[0]!.name]);
  },
  embedding: async () => embed.run(await engine.encode(items), places),
  'embedding + KL': async () => program.run(await engine.encode(items), places),
  'trunk alone': () => engine.encode(items),
  'tail alone, f(x)': () => embed.run(states, places),
  'tail alone, KL gradient in factors': () => gradient.run(states, places),
  'tail alone, KL block': () => program.run(states, places),
});
console.log(
  `${path}: ${items.length} items of ${sizes}, pooling ${pooling}, ${states.offsets[1]} tokens ${sliced ? 'kept' : 'each'}, ${rounds} rounds in turn, medians`,
);
const [whole, embedding] = [median(times['uncut model.onnx']), median(times.embedding)];
for (const [name, values] of Object.entries(times)) {
  const ms = median(values);
  console.log(
    `${name.padEnd(36)} ${(ms / items.length).toFixed(1).padStart(8)} ms an item  ${(ms / whole).toFixed(3)}× uncut  ${(ms / embedding).toFixed(3)}× embedding  (${values.map((v) => v.toFixed(0)).join(' ')} ms)`,
  );
}
await uncut.release();

/** δ and x of the first item. */
async function factorsOf(by: GradientEngine): Promise<readonly Float32Array[]> {
  const { factors } = await (await by.program({ loss, gradient: { kind: 'factors' } }, head)).run(states, [[0]]);
  return [factors[0]!.delta, factors[0]!.x];
}
if (process.argv.includes('--tfjs')) {
  const judge = await createEngine(encoder, { ...named, engine: 'tfjs' });
  const [ours, theirs] = [await factorsOf(engine), await factorsOf(judge)];
  const [delta, x] = ours.map((rows, i) => distance(theirs[i]!, rows)) as [number, number];
  console.log(`TensorFlow.js: δ differs by ${delta.toExponential(1)}, x by ${x.toExponential(1)}`);
  await judge.close();
}
await engine.close();
