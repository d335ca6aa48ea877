/** Names of classes that Hugging Face's datasets writes into a Parquet file beside the numbers. */
import type { FileMetaData } from 'hyparquet';
import { z } from 'zod';

const classLabel = z.looseObject({ _type: z.literal('ClassLabel'), names: z.array(z.string()) });
const schema = z.looseObject({ info: z.looseObject({ features: z.record(z.string(), z.unknown()) }) });

/**
 * Names by column, the name of class c at index c: the columns that are `ClassLabel` under key-value metadata "huggingface",
 * info.features. Empty where that is not there, or is not of this form: it is a note, and the numbers do without it.
 */
export function classNames({ key_value_metadata: notes = [] }: FileMetaData): Map<string, readonly string[]> {
  const note = notes.find(({ key }) => key === 'huggingface')?.value;
  const parsed = schema.safeParse(note === undefined ? undefined : jsonOf(note));
  if (!parsed.success) return new Map();
  return new Map(
    Object.entries(parsed.data.info.features).flatMap(([column, feature]) => {
      const found = classLabel.safeParse(feature);
      return found.success ? [[column, found.data.names] as const] : [];
    }),
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
