/** `fungi eval cka`: how much do feature sets say the same thing? (paper Figure 2) */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { fingerprint, fingerprintLines, type Json } from '../../core/fingerprint.js';
import { parseFeatureSets } from '../../eval/features/feature-sets.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertWritable, part, saveReport } from '../eval-data.js';
import { readQueries } from '../read-queries.js';
import { addFeatureCacheOption, encoderIdentity, featureCache, type FeatureCacheFlags } from '../feature-cache.js';
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

interface CkaFlags extends CommonOptions, EncoderFlags, FeatureFlags, KeyFlags, FeatureCacheFlags {
  readonly data: string;
  readonly features: readonly string[];
  readonly limit: number;
  readonly seed: number;
}

export function addEvalCka(evaluation: Command, run: Run): void {
  const command = evaluation
    .command('cka')
    .description('similarity of feature sets on the same texts: linear centred kernel alignment, 0 to 1')
    .requiredOption('--data <source>', 'texts, with labels or without; a source as for `eval knn --train`')
    .option(
      '--features <list>',
      'embedding; only:kl, only:simclr (gradients alone); kl, … (joined with the embedding)',
      (value) => value.split(','),
      ['embedding', 'only:kl', 'only:simclr'],
    )
    .option('--limit <count>', 'texts, drawn with seed 0', whole(2), 2000)
    .option('--seed <number>', 'of heads, views and projections', whole(0), 0);
  const withFeatures = addKeyOptions(addFeatureOptions(addEncoderOptions(command), { dims: false }));
  addCommonOptions(addFeatureCacheOption(withFeatures), { json: false })
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
1 where one set is a rotation and scaling of the other, 0 where they have nothing in common (Kornblith et al. 2019; the paper's Figure 2,
which found that sets less alike combine better). Labels play no part; features are taken before PCA.

Examples:
  fungi eval cka --data train.jsonl --encoder bert-base`,
    )
    .action((flags: CkaFlags) => run(flags, (context) => evalCka(context, flags)));
}

async function evalCka(context: Context, flags: CkaFlags): Promise<Report> {
  const { features, seed } = flags;
  const { onProgress } = context;
  const sets = parseFeatureSets(features);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  const texts = part(await readQueries(flags.data, flags, context), flags.limit, 'cka').map(({ input }) => input);
  if (new Set(texts).size < 2) {
    throw new FungiError('INVALID_DATA', `${flags.data}: all its texts are alike, and cka compares how features vary`, {
      hint: 'Give two different texts at least; some hundreds make it mean something.',
    });
  }
  const { loadEngine } = await import('../../selector/load-engine.js');
  const { FeatureRows } = await import('../../eval/features/feature-rows.js');
  const { ckaMatrix } = await import('../../eval/cka/linear-cka.js');
  const { featureSpec } = await import('../../features/spec.js');
  const losses = [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name }));
  const settings = featureSettings(flags);
  const loaded = await loadEngine(engineOptions(flags, context));
  try {
    const rows = await FeatureRows.encode(loaded.engine, {
      train: texts,
      test: [],
      losses,
      pools: [{ seed, shots: null, rows: texts.map((_, row) => row) }],
      settings,
      cache: featureCache(flags, loaded, context),
      onProgress,
    });
    try {
      const matrices = [];
      for (const set of sets) {
        const { pool } = rows.of(set, 0);
        matrices.push({ rows: await pool.read(0, pool.count), dims: pool.width });
      }
      const matrix = await ckaMatrix(matrices);
      const { encoder } = loaded;
      const spec = featureSpec({ ...settings, losses, seed });
      const report = {
        ...{ features, matrix, texts: texts.length, seed, encoder, spec },
        fingerprint: fingerprint({
          ...{ protocol: 'cka', features: [...features], encoder: encoderIdentity(loaded, flags) },
          ...{ spec: spec as unknown as Json, texts: fingerprintLines(texts) },
        }),
      };
      const error = typeof flags.json === 'string' ? await saveReport(flags.json, report) : undefined;
      const text = [
        `${encoder.id}: ${counted(texts.length, 'text')}, seed ${seed}`,
        table(
          [{ title: '' }, ...features.map((title) => ({ title, align: 'right' as const }))],
          features.map((name, i) => [name, ...matrix[i]!.map((value) => value.toFixed(3))]),
        ),
      ].join('\n');
      return { text, json: report, ...(error && { error }) };
    } finally {
      await rows.close();
    }
  } finally {
    await loaded.engine.close();
  }
}
