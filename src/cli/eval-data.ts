/** What the commands of `fungi eval` share: reading their data, and keeping their results. */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import type { ExampleInput } from '../core/item.js';
import { Rng } from '../core/rng.js';
import { assertSharedLabels, unknownLabelWarning, untestedLabelWarning } from '../eval/data/check-data.js';
import { assertLabels, readExamples } from '../eval/data/read-examples.js';
import { stratifiedSplit } from '../eval/data/stratified-split.js';
import type { Context } from './context.js';
import { jsonText } from './json-text.js';
import { addKeyOptions, sourcesOf, whole, type KeyFlags } from './options.js';
import { counted } from './output.js';

/** Where the rows come from. */
export interface DataFlags extends KeyFlags {
  readonly train: string;
  /** Left out with `split`. */
  readonly test?: string;
  /** Share of the training rows' texts to test on, 0 to 1. */
  readonly split?: number;
  readonly limitTrain?: number;
  readonly limitTest?: number;
}

/** Options of {@link DataFlags}. */
export const addDataOptions = (command: Command): Command =>
  addKeyOptions(
    command
      .requiredOption(
        '--train <source>',
        'examples to retrieve from: .jsonl, .csv, .tsv or .parquet, a folder of labels, hf:owner/name:train, … (docs/data.md)',
      )
      .option('--test <source>', 'examples to classify')
      .option(
        '--split <share>',
        'or: hold out this share of --train to test on, class by class, drawn with seed 0',
        share,
      )
      .option('--limit-train <count>', 'a random part of the training rows, drawn with seed 0', whole(1))
      .option('--limit-test <count>', 'a random part of the test rows, drawn with seed 0', whole(1)),
  );

/** Texts, with labels or without. */
export interface TextFlags extends KeyFlags {
  readonly data: string;
}

/** Options of {@link TextFlags}. */
export const addTextOptions = (command: Command): Command =>
  addKeyOptions(
    command.requiredOption('--data <source>', 'texts, with labels or without; a source as for `eval knn --train`'),
  );

export interface TrainAndTest {
  readonly train: readonly ExampleInput[];
  readonly test: readonly ExampleInput[];
  /** How the test rows were held out; null where they have a source of their own. */
  readonly split: HeldOutRows | null;
}

export interface HeldOutRows {
  readonly share: number;
  readonly seed: number;
  /** Rows that went with an earlier row of the same text. */
  readonly moved: number;
}

/**
 * Reads both sides, or one and splits it; takes the parts that `--limit-…` ask for; warns of what is odd about them.
 *
 * @throws {FungiError} INVALID_ARGUMENT when not exactly one of `test` and `split` is given, or so little cannot be split; INVALID_DATA when
 *   there are fewer than two training labels or no test label is one of them; as {@link readExamples}
 */
export async function readTrainAndTest(flags: DataFlags, context: Context): Promise<TrainAndTest> {
  if ((flags.test === undefined) === (flags.split === undefined)) {
    throw new FungiError('INVALID_ARGUMENT', 'give either --test SOURCE or --split SHARE', {
      hint: '--test test.jsonl reads test examples; --split 0.2 holds out a fifth of --train.',
    });
  }
  const read = await readRows(flags.train, flags, context);
  const { rest, heldOut, split } =
    flags.test === undefined
      ? holdOut(read, flags.split!, context)
      : { rest: read, heldOut: await readRows(flags.test, flags, context), split: null };
  const train = part(rest, flags.limitTrain, 'train');
  const test = part(heldOut, flags.limitTest, 'test');
  const names = { train: flags.train, test: flags.test ?? `the part of ${flags.train} held out` };
  assertLabels(train, names.train);
  assertSharedLabels(train, test, names);
  // A part drawn at random may well miss some labels.
  const untested = flags.limitTest === undefined ? untestedLabelWarning(train, test) : undefined;
  for (const warning of [unknownLabelWarning(train, test), untested]) {
    if (warning !== undefined) context.log.warn(warning);
  }
  return { train, test, split };
}

const SPLIT_SEED = 0;

function holdOut(
  rows: readonly ExampleInput[],
  fraction: number,
  { log }: Context,
): { rest: readonly ExampleInput[]; heldOut: readonly ExampleInput[]; split: HeldOutRows } {
  const { train, test, moved } = stratifiedSplit(rows, { fraction, seed: SPLIT_SEED });
  const went = moved === 0 ? '' : `; ${counted(moved, 'row')} with the text of an earlier row went to its side`;
  log.info(`held out ${test.length} of ${counted(rows.length, 'row')} to test on, class by class${went}`);
  const take = (numbers: readonly number[]): readonly ExampleInput[] => numbers.map((row) => rows[row]!);
  return { rest: take(train), heldOut: take(test), split: { share: fraction, seed: SPLIT_SEED, moved } };
}

function share(value: string): number {
  const number = /^\d*\.?\d+$/.test(value) ? Number(value) : NaN;
  if (number > 0 && number < 1) return number;
  throw new InvalidArgumentError('It must be a share between 0 and 1, e.g. 0.2.');
}

/** The table is shown whatever becomes of the file: hours of work are in it. */
export async function saveReport(file: string, report: object): Promise<FungiError | undefined> {
  try {
    await replaceFileWith(file, `${jsonText(report)}\n`);
    return undefined;
  } catch (cause) {
    return unwritable(file, cause as Error);
  }
}

/** Ids are not compared here, so they need not be unique. */
export async function readRows(source: string, keys: KeyFlags, context: Context): Promise<readonly ExampleInput[]> {
  const { inputKey, labelKey } = keys;
  const { examples, where, warnings } = await readExamples(source, {
    inputKey,
    labelKey,
    idKey: null,
    hub: sourcesOf(context),
  });
  warnings.forEach((warning) => {
    context.log.warn(warning);
  });
  return examples.map((example, row) => ({ ...example, where: where[row]! }));
}

/** `limit` rows at random, in file order; the same ones in every run. */
export function part<T>(rows: readonly T[], limit: number | undefined, name: string): readonly T[] {
  if (limit === undefined || limit >= rows.length) return rows;
  const picks = Rng.stream(0, 'eval', 'limit', name).sample(rows.length, limit);
  return picks.sort((a, b) => a - b).map((row) => rows[row]!);
}

/** Asked before the hours of work, not after. */
export async function assertWritable(file: string): Promise<void> {
  const folder = dirname(file);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    const there = await stat(file).catch(() => undefined);
    if (there?.isDirectory()) throw new Error('it is a folder');
  } catch (cause) {
    throw unwritable(file, cause as Error);
  }
}

const unwritable = (file: string, cause: Error): FungiError =>
  new FungiError('STORAGE_FAILED', `${file} cannot be written: ${cause.message}`, {
    hint: 'Give --json a file in a folder that may be written, or no file to have the JSON on stdout.',
    cause,
  });
