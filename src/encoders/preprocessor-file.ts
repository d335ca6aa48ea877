/** The file beside an image or audio model that says how an item becomes its input. */
import { join } from 'node:path';
import type { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { readJsonFile } from './json-file.js';

export const PREPROCESSOR_FILE = 'preprocessor_config.json';

/**
 * @param item what the model reads, "a picture"
 * @throws {FungiError} MODEL_CORRUPT when it is missing, damaged, or not what the schema takes
 */
export async function readPreprocessorFile<T>(folder: string, schema: z.ZodType<T>, item: string): Promise<T> {
  const found = await readJsonFile(join(folder, PREPROCESSOR_FILE), schema);
  if (found !== undefined) return found;
  throw new FungiError(
    'MODEL_CORRUPT',
    `${folder}: ${PREPROCESSOR_FILE} is missing; it says how ${item} becomes the model's input`,
    {
      hint: "Fetch the whole model with `fungi models pull`, or copy the file from the model's repository into the folder: it is never fetched alone.",
      details: { folder, file: PREPROCESSOR_FILE },
    },
  );
}
