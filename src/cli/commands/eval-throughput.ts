/** `fungi eval throughput`: what gradients cost beside embeddings, on this machine (paper Table 27). */
import type { Command } from 'commander';
import type { Run } from '../context.js';
import { addTextOptions, part, type TextFlags } from '../eval-data.js';
import { addFeatureCommand, type FeatureCommand, type FeatureSetFlags } from '../feature-command.js';
import { assertReads } from '../media-items.js';
import { itemNoun } from '../nouns.js';
import { whole } from '../options.js';
import { counted, table } from '../output.js';
import { readQueries, type Query } from '../read-queries.js';

interface ThroughputFlags extends FeatureSetFlags, TextFlags {
  readonly texts: number;
}

const THROUGHPUT: FeatureCommand<ThroughputFlags, readonly Query[]> = {
  name: 'throughput',
  description: 'texts a second by feature set, and how many times as long as the embedding each takes',
  notes: `From text to joined features at unit length, each set by itself; sets take turns, three rounds, and each keeps its fastest. PCA, search
and what is made once for an index (heads, negatives, landmarks) are not part of it. A set and its only: form cost the same.`,
  examples: ['--data train.jsonl --encoder bert-base --texts 512'],
  addDataOptions: addTextOptions,
  features: { preset: ['embedding', 'kl', 'simclr', 'kl+simclr'] },
  addOptions: (command) => command.option('--texts <count>', 'texts to time, drawn with seed 0', whole(1), 256),
  reduced: false,
  cached: false,
  read: (context, flags) => readQueries(flags.data, flags, context),
  async measure({ data, loaded: { engine, encoder }, specOf }, flags, { onProgress }) {
    const { features, texts, provider = 'cpu' } = flags;
    assertReads({ id: encoder.id, modality: engine.info.modality }, data, flags.data);
    const { measureThroughput } = await import('../../eval/features/throughput.js');
    const { buildArtefacts } = await import('../../features/artefacts.js');
    const pool = data.map(({ input }) => input);
    const items = part(pool, texts, 'throughput');
    const spec = specOf(0);
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
    const noun = itemNoun(encoder);
    const text = [
      `${encoder.id}: ${counted(items.length, noun)}, ${provider}`,
      table(
        [{ title: 'features' }, { title: `${noun}s/s`, align: 'right' }, { title: 'times embedding', align: 'right' }],
        results.map((each) => [each.features, each.textsPerSecond.toFixed(1), each.timesEmbedding.toFixed(2)]),
      ),
    ].join('\n');
    return { json: { results, texts: items.length, encoder, spec, provider }, text };
  },
};

export const addEvalThroughput = (evaluation: Command, run: Run): void => {
  addFeatureCommand(evaluation, run, THROUGHPUT);
};
