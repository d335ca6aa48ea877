/** Reads texts, images or sounds to answer: as labelled examples when they carry labels, and without when they do not. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { assertText } from '../core/text.js';
import { besideData, isMediaFile, MEDIA_KEYS } from '../eval/data/media.js';
import { atKey, readExamples } from '../eval/data/read-examples.js';
import { sourceRows } from '../eval/data/source.js';
import type { Context } from './context.js';
import { sourcesOf, type KeyFlags } from './options.js';

export interface Query {
  readonly input: string;
  /** The right answer, where the source has it. */
  readonly label?: string;
}

/**
 * @param source as {@link readExamples} has it, or a folder of images or sounds by themselves, which have no labels
 * @param context whose cache and hub `hf:` uses. @default what the environment says
 * @throws {FungiError} as {@link readExamples}; the label may be missing, from every row alike, unless its key is given
 */
export async function readQueries(source: string, keys: KeyFlags, context?: Context): Promise<readonly Query[]> {
  const { labelKey = 'label' } = keys;
  const hub = context && sourcesOf(context);
  const labelled = async (): Promise<readonly Query[]> => {
    // Queries are told apart by their place, so that an id column need not be unique.
    return (await readExamples(source, { inputKey: keys.inputKey, labelKey, idKey: null, hub })).examples;
  };
  const loose = keys.labelKey === undefined ? await looseMedia(source) : [];
  if (loose.length > 0) return loose;
  const queries: Query[] = [];
  if (keys.labelKey === undefined) {
    const needed = [keys.inputKey ?? 'text'];
    // Warnings are those of readExamples, or of columns that queries do without.
    for await (const { where, fields } of sourceRows(source, { needed, warn: () => undefined, hub })) {
      const key = inputKeyOf(fields, keys);
      // What is wrong with a row that has a label, or neither, is for readExamples to say.
      if (fields.has(labelKey) || key === undefined) return labelled();
      const input = fields.get(key);
      assertText(input, atKey(input, key, where));
      queries.push({ input: isMediaKey(key) ? besideData(input, dirname(source)) : input });
    }
  }
  return queries.length === 0 ? labelled() : queries;
}

/** The key that is named, or the text's, or where there is none an image's or a sound's; undefined where the row has none of them. */
function inputKeyOf(fields: ReadonlyMap<string, unknown>, { inputKey }: KeyFlags): string | undefined {
  const known = inputKey === undefined ? ['text', ...MEDIA_KEYS] : [inputKey];
  return known.find((key) => fields.has(key));
}

const isMediaKey = (key: string): boolean => (MEDIA_KEYS as readonly string[]).includes(key);

/** The images or sounds that lie in a folder themselves, by name; none where it holds anything else that is not hidden. */
async function looseMedia(source: string): Promise<Query[]> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isDirectory() !== true) return [];
  const entries = await readdir(source, { withFileTypes: true });
  const shown = entries.filter(({ name }) => !name.startsWith('.'));
  if (!shown.every((entry) => !entry.isDirectory() && isMediaFile(entry.name))) return [];
  return shown
    .map(({ name }) => name)
    .sort()
    .map((name) => ({ input: resolve(source, name) }));
}
