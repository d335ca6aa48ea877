/**
 * Encoders side by side, in one run and in turn: texts a second in batches of 32, and how long one short query takes.
 *
 *     npx tsx bench/side-by-side.ts TEXTS.jsonl ENCODER[,ENCODER…] [texts=512] [rounds=5] [threads=1]
 *
 * Prints medians, and ratios to the first encoder's.
 */
import { readConfig } from '../src/core/config.js';
import { loadTextEncoder } from '../src/encoders/text-encoder.js';
import { createEngine } from '../src/engine/create-engine.js';
import { readExamples } from '../src/eval/data/read-examples.js';
import { buildArtefacts } from '../src/features/artefacts.js';
import { FeatureExtractor } from '../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../src/features/spec.js';
import { interleaved, median } from './rounds.js';

const [data, names, count = '512', rounds = '5', threads = '1'] = process.argv.slice(2);
if (data === undefined || names === undefined)
  throw new Error('usage: side-by-side.ts TEXTS.jsonl ENCODER[,ENCODER…] [texts] [rounds] [threads]');

const { examples } = await readExamples(data, {});
const texts = examples.slice(0, Number(count)).map(({ input }) => input);
const batches = Array.from({ length: Math.ceil(texts.length / 32) }, (_, i) => texts.slice(32 * i, 32 * i + 32));
const QUERY = 'Which card do I need abroad?';
const QUERIES = 50;

const config = readConfig();
const jobs: Record<string, () => unknown> = {};
for (const name of names.split(',')) {
  const encoder = await loadTextEncoder(name, config);
  const engine = await createEngine(encoder, { cacheDir: config.cacheDir, threads: Number(threads) });
  for (const [features, options] of Object.entries<FeatureOptions>({
    embedding: { losses: [] },
    'embedding + KL': { losses: [{ name: 'kl' }] },
  })) {
    const spec = featureSpec(options);
    const artefacts = await buildArtefacts(engine, spec, texts.slice(0, 1024));
    const extractor = await FeatureExtractor.create(engine, spec, artefacts);
    jobs[`${features}, batches of 32|${name}`] = async () => {
      for (const batch of batches) await extractor.extract(batch);
    };
    jobs[`${features}, one query|${name}`] = async () => {
      for (let i = 0; i < QUERIES; i++) await extractor.extract([QUERY]);
    };
  }
}
const times = Object.entries(await interleaved(Number(rounds), jobs));
for (const [job, values] of times.toSorted(([a], [b]) => (a.split('|')[0]! < b.split('|')[0]! ? -1 : 1))) {
  const [what, name] = job.split('|') as [string, string];
  const [, first] = times.find(([other]) => other.startsWith(`${what}|`))!;
  const ms = median(values);
  const each = what.endsWith('query')
    ? `${(ms / QUERIES).toFixed(2)} ms`
    : `${((texts.length / ms) * 1000).toFixed(0)} texts/s`;
  console.log(
    `${what.padEnd(32)} ${name.padEnd(32)} ${each.padStart(14)}  ${(median(first) / ms).toFixed(2)}× the first's speed`,
  );
}
