/** What turns an item into a model's inputs has to lie beside the model. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FungiError } from '../../core/errors.js';

const FILES = ['tokenizer.json', 'vocab.txt', 'preprocessor_config.json'];

/** @throws {FungiError} TOKENIZER_INVALID when `folder` has none of its files */
export async function assertPreprocessor(folder: string): Promise<void> {
  for (const name of FILES) {
    if ((await stat(join(folder, name)).catch(() => undefined))?.isFile() === true) return;
  }
  throw new FungiError('TOKENIZER_INVALID', `${folder}: holds none of ${FILES.join(', ')}`, {
    hint: "Fetch the whole model with `fungi models pull`, or copy the model's tokenizer files beside it.",
  });
}
