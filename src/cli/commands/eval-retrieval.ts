/** `fungi eval retrieval`: do FUNGI features rank examples of the query's label higher than plain embeddings do? */
import { Option, type Command } from 'commander';
import type { RetrievalRow, RetrievalSummary } from '../../eval/retrieval/feature-retrieval.js';
import type { Metric } from '../../retrieve/distance.js';
import { dataLines, shotsLine } from '../classify-text.js';
import type { Run } from '../context.js';
import { counted, percent, table } from '../output.js';
import { addPoolCommand, type PoolFlags, type PoolReport, type Protocol } from '../pool-command.js';

interface RetrievalFlags extends PoolFlags {
  readonly metric: Metric;
}

const RETRIEVAL: Protocol<RetrievalFlags> = {
  name: 'retrieval',
  description: "mAP, recall and hits of whole rankings by feature set; relevant is what has the query's label",
  notes: `Every query ranks the whole pool. mAP: mean over queries of average precision, and over their relevant examples of the precision down to
each; MRR: of one over the first relevant one's rank; recall@k: of the relevant ones the share among the k nearest; hit@k: whether one
is. Intervals are those of mAP.`,
  examples: [
    '--train train.jsonl --test test.jsonl --features embedding,kl,only:kl --metric cosine',
    '--train examples.jsonl --split 0.2 --seeds 3',
    '--train train.jsonl --test test.jsonl --shots 5,all --seeds 3',
  ],
  addOptions: (command) =>
    command.addOption(
      new Option('--metric <name>', 'how nearness is measured after PCA').choices(['l2', 'cosine']).default('l2'),
    ),
  settings: ({ metric, dims }) => ({ metric, dims }),
  async measure(task, flags) {
    const { retrievalRows, retrieveRows, summariseRetrieval } =
      await import('../../eval/retrieval/feature-retrieval.js');
    const { dims, metric } = flags;
    const runs = await retrieveRows(task.rows, { ...task, dims, metric });
    const report = { results: retrievalRows(runs), summary: summariseRetrieval(runs) };
    return { report, text: (common) => retrievalText({ ...common, ...report }, flags) };
  },
};

export const addEvalRetrieval = (evaluation: Command, run: Run): void => {
  addPoolCommand(evaluation, run, RETRIEVAL);
};

interface ShownReport extends PoolReport {
  readonly results: readonly RetrievalRow[];
  readonly summary: readonly RetrievalSummary[];
}

function retrievalText(
  { encoder, data, results, summary, throughput, fingerprint }: ShownReport,
  { metric, dims, seeds, ...sampled }: RetrievalFlags,
): string {
  const few = [...new Map(results.map(({ shots, pool }) => [shots, pool]))].flatMap(([shots, pool]) =>
    shots === null ? [] : [shotsLine(shots, pool, sampled)],
  );
  const queries = data.test === 1 ? '1 query' : `${data.test} queries`;
  const method = [`${metric}, PCA to at most ${dims}`, counted(data.train, 'pool row'), queries, ...few];
  return [
    `${encoder.id}: ${[...method, counted(seeds, 'seed')].join(', ')}`,
    summaryTable(summary, throughput),
    ...dataLines(data, encoder),
    `fingerprint: ${fingerprint}`,
  ].join('\n');
}

function summaryTable(summary: readonly RetrievalSummary[], throughput: PoolReport['throughput']): string {
  const { depths } = summary[0]!;
  const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
  type Column = [title: string, cell: (each: RetrievalSummary) => string];
  const curve: Column[] = [['shots', ({ shots }) => (shots === null ? 'all' : String(shots))]];
  const speeds: Column[] = [['texts/s', ({ features }) => throughput[features]?.toFixed(1) ?? '']];
  const columns: Column[] = [
    ['features', ({ features }) => features],
    ...(new Set(summary.map(({ shots }) => shots)).size > 1 ? curve : []),
    ['mAP %', ({ meanAveragePrecision }) => percent(meanAveragePrecision)],
    ['95 %', ({ low, high }) => `${percent(low)} to ${percent(high)}`],
    ['gain', ({ gain }) => (gain === undefined ? '' : signed(gain.difference))],
    ['95 %', ({ gain }) => (gain === undefined ? '' : `${signed(gain.low)} to ${signed(gain.high)}`)],
    ['MRR', ({ meanReciprocalRank }) => percent(meanReciprocalRank)],
    ...depths.map((k, i): Column => [`recall@${k}`, ({ recall }) => percent(recall[i]!)]),
    ...depths.map((k, i): Column => [`hit@${k}`, ({ hit }) => percent(hit[i]!)]),
    ['dims', ({ dims }) => String(dims)],
    ...(Object.keys(throughput).length > 0 ? speeds : []),
  ];
  return table(
    columns.map(([title], i) => ({ title, align: i === 0 ? 'left' : 'right' })),
    summary.map((each) => columns.map(([, cell]) => cell(each))),
  );
}
