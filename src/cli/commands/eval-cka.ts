/** `fungi eval cka`: how much do feature sets say the same thing? (paper Figure 2) */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { fingerprint, fingerprintLines, type Json } from '../../core/fingerprint.js';
import type { Run } from '../context.js';
import { addTextOptions, part, type TextFlags } from '../eval-data.js';
import { addFeatureCommand, type FeatureCommand, type FeatureSetFlags } from '../feature-command.js';
import { encoderIdentity } from '../feature-cache.js';
import { assertReads } from '../media-items.js';
import { itemNoun } from '../nouns.js';
import { whole } from '../options.js';
import { counted, table } from '../output.js';
import { readQueries, type Query } from '../read-queries.js';

interface CkaFlags extends FeatureSetFlags, TextFlags {
  readonly limit: number;
  readonly seed: number;
}

const CKA: FeatureCommand<CkaFlags, readonly Query[]> = {
  name: 'cka',
  description: 'similarity of feature sets on the same texts: linear centred kernel alignment, 0 to 1',
  notes: `1 where one set is a rotation and scaling of the other, 0 where they have nothing in common (Kornblith et al. 2019; the paper's Figure 2,
which found that sets less alike combine better). Labels play no part; features are taken before PCA.`,
  examples: ['--data train.jsonl --encoder bert-base'],
  addDataOptions: addTextOptions,
  features: {
    what: 'embedding; only:kl, only:simclr (gradients alone); kl, … (joined with the embedding)',
    preset: ['embedding', 'only:kl', 'only:simclr'],
  },
  addOptions: (command) =>
    command
      .option('--limit <count>', 'texts, drawn with seed 0', whole(2), 2000)
      .option('--seed <number>', 'of heads, views and projections', whole(0), 0),
  reduced: false,
  async read(context, flags) {
    const texts = part(await readQueries(flags.data, flags, context), flags.limit, 'cka');
    if (new Set(texts.map(({ input }) => input)).size > 1) return texts;
    throw new FungiError('INVALID_DATA', `${flags.data}: all its texts are alike, and cka compares how features vary`, {
      hint: 'Give two different texts at least; some hundreds make it mean something.',
    });
  },
  async measure({ data: train, sets, loaded, settings, specOf, cache }, flags, { onProgress }) {
    const { features, seed } = flags;
    assertReads({ id: loaded.encoder.id, modality: loaded.engine.info.modality }, train, flags.data);
    const { withPoolRows } = await import('../../eval/features/pool-runs.js');
    const { ckaMatrix } = await import('../../eval/cka/linear-cka.js');
    const pools = [{ seed, shots: null, rows: train.map((_, row) => row) }];
    const task = { train, test: [], sets, pools, settings, cache, onProgress };
    const matrix = await withPoolRows(loaded.engine, task, async (rows) => {
      const matrices = [];
      for (const set of sets) {
        const { pool } = rows.of(set, 0);
        matrices.push({ rows: await pool.read(0, pool.count), dims: pool.width });
      }
      return ckaMatrix(matrices);
    });
    const { encoder } = loaded;
    const spec = specOf(seed);
    const text = [
      `${encoder.id}: ${counted(train.length, itemNoun(encoder))}, seed ${seed}`,
      table(
        [{ title: '' }, ...features.map((title) => ({ title, align: 'right' as const }))],
        features.map((name, i) => [name, ...matrix[i]!.map((value) => value.toFixed(3))]),
      ),
    ].join('\n');
    const json = {
      ...{ features, matrix, texts: train.length, seed, encoder, spec },
      fingerprint: fingerprint({
        ...{ protocol: 'cka', features: [...features], encoder: encoderIdentity(loaded, flags) },
        ...{ spec: spec as unknown as Json, texts: fingerprintLines(train.map(({ input }) => input)) },
      }),
    };
    return { json, text };
  },
};

export const addEvalCka = (evaluation: Command, run: Run): void => {
  addFeatureCommand(evaluation, run, CKA);
};
