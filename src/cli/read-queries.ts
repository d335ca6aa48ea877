/** Reads texts to answer: as labelled examples when they carry labels, and without when they do not. */
import { assertText } from '../core/text.js';
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
 * @param context whose cache and hub `hf:` uses. @default what the environment says
 * @throws {FungiError} as {@link readExamples}; the label may be missing, from every row alike, unless its key is given
 */
export async function readQueries(source: string, keys: KeyFlags, context?: Context): Promise<readonly Query[]> {
  const { inputKey = 'text', labelKey = 'label' } = keys;
  const hub = context && sourcesOf(context);
  const labelled = async (): Promise<readonly Query[]> => {
    // Queries are told apart by their place, so that an id column need not be unique.
    return (await readExamples(source, { inputKey, labelKey, idKey: null, hub })).examples;
  };
  const texts: Query[] = [];
  if (keys.labelKey === undefined) {
    // Warnings are those of readExamples, or of columns that queries do without.
    for await (const { where, fields } of sourceRows(source, { needed: [inputKey], warn: () => undefined, hub })) {
      // What is wrong with a row that has a label, or neither, is for readExamples to say.
      if (fields.has(labelKey) || !fields.has(inputKey)) return labelled();
      const input = fields.get(inputKey);
      assertText(input, atKey(input, inputKey, where));
      texts.push({ input });
    }
  }
  return texts.length === 0 ? labelled() : texts;
}
