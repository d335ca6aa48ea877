/** What `fungi eval knn` tells people: a table, the data it was measured on, and warnings. */
import type { ShotSampling } from '../eval/data/few-shot.js';
import type { TruncatedRows } from '../eval/knn/knn.js';
import type { DataCounts } from '../eval/data/data-counts.js';
import { tableRows, tableTitles, type KnnReport, type KnnSummary } from '../eval/knn/knn-report.js';
import type { TieRule } from '../retrieve/vote.js';
import type { Context } from './context.js';
import { counted, table } from './output.js';

/** How it was measured. */
export interface KnnSettings {
  readonly k: number;
  readonly dims: number;
  readonly ties: TieRule;
  readonly shots?: readonly (number | null)[];
  readonly sampling: ShotSampling;
  readonly seeds: number;
  readonly limitTrain?: number;
  readonly limitTest?: number;
}

interface ShownReport extends KnnReport {
  readonly encoder: { readonly id: string };
  readonly summary: readonly KnnSummary[];
  readonly data: DataCounts;
}

export function knnText(
  { results, throughput, encoder, summary, data, ...rest }: ShownReport,
  settings: KnnSettings,
): string {
  const columns = tableTitles(settings.seeds, settings.shots ?? [null]).map((title, i) => ({
    title,
    align: i === 0 ? ('left' as const) : ('right' as const),
  }));
  return [
    `${encoder.id}: k = ${settings.k}, ties by ${settings.ties}, PCA to at most ${settings.dims}, ${poolLine(results, data, settings)}`,
    table(columns, tableRows(summary, throughput)),
    ...dataLines(data),
    `fingerprint: ${rest.fingerprint}`,
  ].join('\n');
}

/** Says what a reader of the table might not expect. */
export function warnOfKnn(
  { results, truncated, data }: KnnReport & { readonly truncated: TruncatedRows; readonly data: DataCounts },
  k: number,
  { log }: Context,
): void {
  const pool = Math.min(...results.map((row) => row.pool));
  if (pool < k) log.warn(`k is ${k}, and ${counted(pool, 'row')} can vote: all of them do, for every test row alike`);
  const cut = truncated.train + truncated.test;
  if (cut > 0) {
    log.warn(
      `longer than the encoder reads, their ends not seen: ${counted(truncated.train, 'training row')} and ${truncated.test} of ${data.test} test rows`,
    );
  }
}

function poolLine(
  results: KnnReport['results'],
  data: DataCounts,
  { shots = [null], sampling, limitTrain, limitTest, seeds }: KnnSettings,
): string {
  const drawn = (limit: number | undefined): string => (limit === undefined ? '' : ' drawn with seed 0');
  const rows = `${data.train} training rows${drawn(limitTrain)}, ${data.test} test rows${drawn(limitTest)}`;
  const few = shots.flatMap((count) => {
    const pool = results.find((row) => row.shots === count)!.pool;
    return count === null ? [] : [`${counted(count, 'shot')} ${sampling} (${pool} rows)`];
  });
  return [rows, ...few, `${data.labels} labels`, counted(seeds, 'seed')].join(', ');
}

export function dataLines(data: DataCounts): string[] {
  const { repeatedTrain, repeatedTest, testInTrain, testInTrainNormalised, conflicts, unknownLabel } = data;
  return [
    `duplicates, all kept: ${repeatedTrain} training and ${repeatedTest} test rows repeat an earlier text; ` +
      `${testInTrain} test texts are in the training set (${testInTrainNormalised} but for case and spaces)`,
    ...(conflicts > 0 ? [`${counted(conflicts, 'training text')} with several labels`] : []),
    ...(unknownLabel > 0 ? [`${counted(unknownLabel, 'test row')} with a label that no training row has`] : []),
  ];
}
