/** What the commands of `fungi eval` share: reading their data, and keeping their results. */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import type { ExampleInput } from '../core/item.js';
import { Rng } from '../core/rng.js';
import { readExamples } from '../eval/data/read-examples.js';
import type { Context } from './context.js';
import type { KeyFlags } from './options.js';

/** The table is shown whatever becomes of the file: hours of work are in it. */
export async function saveReport(file: string, report: object): Promise<FungiError | undefined> {
  try {
    await replaceFileWith(file, `${JSON.stringify(report, null, 2)}\n`);
    return undefined;
  } catch (cause) {
    return unwritable(file, cause as Error);
  }
}

/** Ids are not compared here, so they need not be unique. */
export async function readRows(path: string, keys: KeyFlags, { log }: Context): Promise<readonly ExampleInput[]> {
  const { examples, warnings } = await readExamples(path, { ...keys, idKey: null });
  warnings.forEach((warning) => {
    log.warn(warning);
  });
  return examples;
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
