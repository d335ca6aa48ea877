/** `fungi eval throughput`: what gradients cost beside embeddings, on this machine (paper Table 27). */
import type { Command } from 'commander';
import { parseFeatureSets } from '../../eval/features/feature-sets.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, saveReport } from '../eval-data.js';
import { readQueries } from '../read-queries.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  addKeyOptions,
  engineOptions,
  featureSettings,
  whole,
  type EncoderFlags,
  type FeatureFlags,
  type KeyFlags,
} from '../options.js';
import { counted, table } from '../output.js';

interface ThroughputFlags extends CommonOptions, EncoderFlags, FeatureFlags, KeyFlags {
  readonly data: string;
  readonly features: readonly string[];
  readonly texts: number;
}

export function addEvalThroughput(evaluation: Command, run: Run): void {
  const command = evaluation
    .command('throughput')
    .description('texts a second by feature set, and how many times as long as the embedding each takes')
    .requiredOption('--data <source>', 'texts, with labels or without; a source as for `eval knn --train`')
    .option(
      '--features <list>',
      'embedding; kl, simclr, kl+simclr (joined with the embedding); only:kl, … (gradients alone)',
      (value) => value.split(','),
      ['embedding', 'kl', 'simclr', 'kl+simclr'],
    )
    .option('--texts <count>', 'texts to time, drawn with seed 0', whole(1), 256);
  addCommonOptions(addKeyOptions(addFeatureOptions(addEncoderOptions(command), { dims: false })), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
From text to joined features at unit length, each set by itself; sets take turns, three rounds, and each keeps its fastest. PCA, search
and what is made once for an index (heads, negatives, landmarks) are not part of it. A set and its only: form cost the same.

Examples:
  fungi eval throughput --data train.jsonl --encoder bert-base --texts 512`,
    )
    .action((flags: ThroughputFlags) => run(flags, (context) => evalThroughput(context, flags)));
}

async function evalThroughput(context: Context, flags: ThroughputFlags): Promise<Report> {
  const { features } = flags;
  const { onProgress } = context;
  const sets = parseFeatureSets(features);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const pool = (await readQueries(flags.data, flags, context)).map(({ input }) => input);
  const items = part(pool, flags.texts, 'throughput');
  const { loadEngine } = await import('../../selector/load-engine.js');
  const { measureThroughput } = await import('../../eval/features/throughput.js');
  const { buildArtefacts } = await import('../../features/artefacts.js');
  const { featureSpec } = await import('../../features/spec.js');
  const { engine, encoder } = await loadEngine(engineOptions(flags, context));
  try {
    const losses = [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name }));
    const spec = featureSpec({ ...featureSettings(flags), losses, seed: 0 });
    const artefacts = await buildArtefacts(engine, spec, pool, onProgress);
    // What the others are held against, also where it is not asked for.
    const timed = [...new Set(['embedding', ...features])];
    const speeds = await measureThroughput(engine, { spec, artefacts, features: timed, items, onProgress });
    const embedding = speeds['embedding']!;
    const results = features.map((name) => ({
      features: name,
      textsPerSecond: speeds[name]!,
      timesEmbedding: embedding / speeds[name]!,
    }));
    const report = { results, texts: items.length, encoder, spec, provider: flags.provider ?? 'cpu' };
    const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
    const text = [
      `${encoder.id}: ${counted(items.length, 'text')}, ${report.provider}`,
      table(
        [{ title: 'features' }, { title: 'texts/s', align: 'right' }, { title: 'times embedding', align: 'right' }],
        results.map((each) => [each.features, each.textsPerSecond.toFixed(1), each.timesEmbedding.toFixed(2)]),
      ),
    ].join('\n');
    return { text, json: report, ...(error && { error }) };
  } finally {
    await engine.close();
  }
}
