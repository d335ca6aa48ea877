/** The page of `fungi eval compare` and `fungi eval icl`: asked for by --report, made of what was compared. */
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { FungiError } from '../core/errors.js';
import type { ExampleSelector, SelectionTask } from '../eval/compare/example-selector.js';
import type { MapInput } from '../eval/report/facts/pool-map.js';
import type { ReportInput, ReportSettings, RowSettings } from '../eval/report/model.js';
import { commandLine } from './command-line.js';
import type { Context } from './context.js';
import { assertWritable, type DataFlags } from './eval-data.js';
import { installedVersion } from './installed-version.js';

export interface ReportFlags {
  readonly report?: string;
}

export const addReportOption = (command: Command): Command =>
  command.option(
    '--report <dir>',
    'write report.html (one page, no network), report.md and report.json into the folder',
  );

/** Asked before the work. @throws {FungiError} STORAGE_FAILED */
export async function assertReportWritable({ report }: ReportFlags): Promise<void> {
  if (report === undefined) return;
  await assertWritable(join(report, 'report.html')).catch((cause: unknown) => {
    if (!FungiError.is(cause)) throw cause;
    throw new FungiError('STORAGE_FAILED', `no report can be written into ${report}: ${cause.message}`, {
      hint: 'Give --report a folder that may be written; it is made when it is not there.',
      cause,
    });
  });
}

/** A map of every selector by features: which one is shown is known only when the answers are there. */
export async function mapsOf(selectors: readonly ExampleSelector[], task: SelectionTask): Promise<MapInput[]> {
  const maps: MapInput[] = [];
  for (const selector of selectors) {
    const reduced = await selector.reduced?.(task);
    if (reduced !== undefined) maps.push({ selector: selector.name, ...reduced });
  }
  return maps;
}

export interface PageInput extends Omit<ReportInput, 'settings' | 'map'> {
  readonly settings: Omit<ReportSettings, 'data' | 'rows' | 'date' | 'command' | 'versions'> &
    Pick<RowSettings, 'split'>;
  /** What was read. The training data's name is the page's. */
  readonly flags: Pick<DataFlags, 'train' | 'test' | 'limitTrain' | 'limitTest'>;
  readonly maps: readonly MapInput[];
}

/** The page's path, or why it could not be written: the table is shown all the same. */
export async function writePage(
  folder: string,
  { flags, maps, settings, ...input }: PageInput,
  { argv }: Context,
): Promise<string | FungiError> {
  const { reportModel } = await import('../eval/report/model.js');
  const { adviceOf } = await import('../eval/report/facts/advice.js');
  const { comparedByReplies } = await import('../eval/icl/icl-verdict.js');
  const { writeReport } = await import('../eval/report/write-report.js');
  const { baseline } = input.report;
  const summary = input.llm === undefined ? input.report.summary : comparedByReplies(input.llm.report);
  const { focus } = adviceOf({ summary, baseline });
  // The map is by what the report is about, where that is features, else by any features there are.
  const map = maps.find(({ selector }) => selector === focus) ?? maps.find(({ selector }) => selector === baseline) ?? maps[0]; // prettier-ignore
  const model = reportModel({
    ...input,
    map,
    settings: {
      ...settings,
      data: nameOf(flags.train),
      rows: rowsOf(flags, settings.split),
      date: new Date().toISOString().slice(0, 10),
      command: commandLine(argv),
      ...(settings.encoder !== null && { versions: runtimeVersions() }),
    },
  });
  try {
    const paths = await writeReport(folder, model);
    return paths.find((path) => path.endsWith('.html'))!;
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
}

/** "banking77/train.jsonl": a file alone is called the same in every data set. */
const nameOf = (source: string): string => [basename(dirname(source)), basename(source)].filter((part) => part !== '.' && part !== '').join('/'); // prettier-ignore

const rowsOf = (
  { train, test, limitTrain, limitTest }: PageInput['flags'],
  split: RowSettings['split'],
): RowSettings => ({
  train: nameOf(train),
  test: test === undefined ? null : nameOf(test),
  ...{ split, limitTrain: limitTrain ?? null, limitTest: limitTest ?? null },
});

/** What computes the features. */
function runtimeVersions(): Record<string, string> {
  const version = installedVersion('onnxruntime-node');
  return version === undefined ? {} : { 'onnxruntime-node': version };
}
