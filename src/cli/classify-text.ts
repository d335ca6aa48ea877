/** What a classification by feature set tells people: a table, the data it was measured on, and warnings. */
import type { TruncatedRows } from '../eval/classify/classify.js';
import { classifyVerdict } from '../eval/classify/classify-verdict.js';
import { summaryTable, type ClassifyReport, type SetSummary } from '../eval/classify/report.js';
import type { DataCounts } from '../eval/data/data-counts.js';
import type { ShotSampling } from '../eval/data/few-shot.js';
import type { Context } from './context.js';
import { itemNoun } from './nouns.js';
import { counted, table } from './output.js';

/** Which rows it was measured on. */
export interface PoolSettings {
  readonly shots: readonly (number | null)[];
  readonly sampling: ShotSampling;
  readonly unlabelled: boolean;
  readonly seeds: number;
  readonly limitTrain?: number | undefined;
  readonly limitTest?: number | undefined;
}

interface ShownReport extends ClassifyReport {
  readonly encoder: { readonly id: string };
  readonly summary: readonly SetSummary[];
  readonly data: DataCounts;
}

/** @param said how it was measured, e.g. "k = 20" */
export function classifyText(report: ShownReport, said: string, settings: PoolSettings): string {
  const { throughput, encoder, summary, data, fingerprint } = report;
  const { titles, rows } = summaryTable(summary, { seeds: settings.seeds, throughput });
  const columns = titles.map((title, i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) }));
  return [
    `${encoder.id}: ${said}, ${poolLine(report, settings)}`,
    table(columns, rows),
    ...(summary.some(({ gain }) => gain !== undefined) ? [legendOf(summary)] : []),
    ...dataLines(data, encoder),
    `fingerprint: ${fingerprint}`,
    '',
    ...classifyVerdict(summary, data.test),
  ].join('\n');
}

const legendOf = ([first]: readonly SetSummary[]): string =>
  `gain: over ${first!.features}, paired by test row; p: two-sided, corrected for the number of comparisons`;

/** Says that the encoder did not see all there was. */
export function warnOfTruncated(truncated: TruncatedRows, { test }: Pick<DataCounts, 'test'>, { log }: Context): void {
  if (truncated.train + truncated.test === 0) return;
  log.warn(
    `longer than the encoder reads, their ends not seen: ${counted(truncated.train, 'training row')} and ${truncated.test} of ${test} test rows`,
  );
}

/** How a few-shot pool was made. */
export function shotsLine(
  shots: number,
  rows: number,
  { sampling, unlabelled }: Pick<PoolSettings, 'sampling' | 'unlabelled'>,
): string {
  return `${counted(shots, 'shot')} ${sampling} (${rows} rows${unlabelled ? ', the others unlabelled' : ''})`;
}

function poolLine(
  { results, data }: ShownReport,
  { shots, sampling, unlabelled, limitTrain, limitTest, seeds }: PoolSettings,
): string {
  const drawn = (limit: number | undefined): string => (limit === undefined ? '' : ' drawn with seed 0');
  const rows = `${counted(data.train, 'training row')}${drawn(limitTrain)}, ${counted(data.test, 'test row')}${drawn(limitTest)}`;
  const few = shots.flatMap((count) => {
    const pool = results.find((row) => row.shots === count)!.pool;
    return count === null ? [] : [shotsLine(count, pool, { sampling, unlabelled })];
  });
  return [rows, ...few, counted(data.labels, 'label'), counted(seeds, 'seed')].join(', ');
}

export function dataLines(data: DataCounts, encoder: { readonly id: string } | null): string[] {
  const noun = itemNoun(encoder);
  const { repeatedTrain, repeatedTest, testInTrain, testInTrainNormalised, conflicts, unknownLabel } = data;
  // Media are told apart by where they lie.
  const told = noun === 'text' ? `${testInTrainNormalised} but for case and spaces` : 'by path';
  return [
    `duplicates, all kept: ${counted(repeatedTrain, 'training row')} and ${counted(repeatedTest, 'test row')} repeat an earlier ${noun}; ` +
      `${counted(testInTrain, `test ${noun}`)} ${testInTrain === 1 ? 'is' : 'are'} in the training set (${told})`,
    ...(conflicts > 0 ? [`${counted(conflicts, `training ${noun}`)} with several labels`] : []),
    ...(unknownLabel > 0 ? [`${counted(unknownLabel, 'test row')} with a label that no training row has`] : []),
  ];
}
