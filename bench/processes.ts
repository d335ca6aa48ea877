/**
 * What sharing long encodings among processes gains: the same items encoded by this process with all threads, and by several with their part of the
 * threads each, in turn and in one run.
 *
 *     npx tsx bench/processes.ts ENCODER SOURCE [items=256] [processes=cores] [rounds=5]
 *
 * SOURCE is a file of labelled texts or a folder of labels with pictures or sounds. Prints items a second, medians over rounds, and the ratio, round by
 * round; that the states are equal is checked.
 */
import { readConfig } from '../src/core/config.js';
import { silentLogger } from '../src/core/log.js';
import { processorCount } from '../src/core/processors.js';
import { loadEncoder } from '../src/encoders/load-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import type { GradientEngine } from '../src/engine/engine.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { Replicas } from '../src/runtime/replicas.js';
import { interleaved, median } from './rounds.js';

const [id, source, items = '256', processes = String(processorCount()), rounds = '5'] = process.argv.slice(2);
if (id === undefined || source === undefined)
  throw new Error('usage: processes.ts ENCODER SOURCE [items] [processes] [rounds]');

const config = readConfig();
const encoder = await loadEncoder(id, { ...config, log: silentLogger });
const { examples } = await readExamples(source, {});
const some = examples.slice(0, Number(items)).map(({ input }) => input);

const shares: Replicas[] = [];
const start = Replicas.start.bind(Replicas);
Replicas.start = async (...of) => {
  const replicas = await start(...of);
  shares.push(replicas);
  return replicas;
};
const encode = async (engine: GradientEngine): Promise<readonly Float32Array[]> => {
  const views = await engine.open(some);
  return (await engine.encode(views)).tensors;
};
const alone = await createEngine(encoder, { cacheDir: config.cacheDir });
const shared = await createEngine(encoder, { cacheDir: config.cacheDir, processes: Number(processes) });
const own = await encode(alone);
while (shares.length === 0) await encode(shared);
const others = await encode(shared);
own.forEach((tensor, i) => {
  if (!Buffer.from(tensor.buffer).equals(Buffer.from(others[i]!.buffer)))
    throw new Error(`states differ in tensor ${i}`);
});

const times = await interleaved(Number(rounds), { alone: () => encode(alone), shared: () => encode(shared) });
const rate = (ms: readonly number[]): string => ((1000 * some.length) / median(ms)).toFixed(1);
const ratios = times.alone.map((ms, round) => ms / times.shared[round]!);
console.log(
  `${id}, ${some.length} items: ${rate(times.alone)} a second by one process, ${rate(times.shared)} by ${processes}; ` +
    `${median(ratios).toFixed(2)} (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')})`,
);
await alone.close();
await shared.close();
