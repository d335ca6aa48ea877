/** Labelled examples for an index, as `fungi index` and `fungi add` read them. */
import type { Command } from 'commander';
import { findDuplicates, findLabelConflicts } from '../core/duplicates.js';
import type { ExampleInput, Modality } from '../core/item.js';
import { readExamples, type ExampleFile } from '../eval/data/read-examples.js';
import type { Context } from './context.js';
import { nounOf } from './nouns.js';
import { addKeyOptions, sourcesOf, type KeyFlags } from './options.js';
import { counted } from './output.js';

/** What a source of examples may be, for the help of a command. */
export const POOL_SOURCES =
  '.jsonl, .csv, .tsv or .parquet, a folder of labels (texts, images or sounds), hf:owner/name:train, … (docs/data.md)';

export interface PoolFlags extends KeyFlags {
  /** Or `none`. */
  readonly idKey?: string;
}

export const addPoolOptions = (command: Command): Command =>
  addKeyOptions(command).option(
    '--id-key <key|none>',
    'key or column of the id, which must be unique; none makes ids of text and label (default: id, for rows that have it)',
  );

/**
 * Tells what was read otherwise than it stands there.
 *
 * @throws {FungiError} as {@link readExamples}
 */
export async function readPool(
  source: string,
  { inputKey, labelKey, idKey }: PoolFlags,
  context: Context,
): Promise<ExampleFile> {
  const file = await readExamples(source, {
    ...{ inputKey, labelKey, hub: sourcesOf(context) },
    idKey: idKey === 'none' ? null : idKey,
  });
  for (const warning of file.warnings) context.log.warn(warning);
  return file;
}

export interface Repeats {
  /** Rows with the id of an earlier one, or without ids its text and label. */
  readonly repeated: number;
  /** Items with several labels. */
  readonly conflicts: number;
}

/** Tells of rows that are the same, and of items that have several labels. */
export function tellRepeats(examples: readonly ExampleInput[], modality: Modality, { log }: Context): Repeats {
  const noun = nounOf(modality);
  const repeated = findDuplicates(
    examples.map(({ id, input, label }) => id ?? JSON.stringify([input, label])),
    'exact',
  ).reduce((sum, { rows }) => sum + rows.length - 1, 0);
  const conflicts = findLabelConflicts(examples, 'exact').length;
  if (repeated > 0) log.warn(`same ${noun} and label as an earlier row: ${counted(repeated, 'row')}, kept once`);
  if (conflicts > 0) log.warn(`several labels for one ${noun}: ${counted(conflicts, noun)}, kept with each`);
  return { repeated, conflicts };
}
