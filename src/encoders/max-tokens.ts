/** The longest text a model takes. */
import { join } from 'node:path';
import { z } from 'zod';
import type { EncoderConfig } from './bert-config.js';
import { readJsonFile } from './json-file.js';

const sentenceSchema = z.looseObject({ max_seq_length: z.number().nullish() });

/** Where none of the files sets a limit. */
const FALLBACK = 512;

/** Tokenizers without a limit hold 1e30 in its place. */
const isLimit = (value: number | null | undefined): value is number =>
  typeof value === 'number' && value >= 1 && value <= Number.MAX_SAFE_INTEGER;

/**
 * Smallest of sentence-transformers' `max_seq_length`, the tokenizer's `model_max_length` and the model's positions.
 *
 * @throws {FungiError} MODEL_CORRUPT when sentence_bert_config.json is not readable
 */
export async function maxTokensOf(
  folder: string,
  limits: { readonly tokenizer: number | undefined; readonly positions: number | undefined },
): Promise<number> {
  const sentence = await readJsonFile(join(folder, 'sentence_bert_config.json'), sentenceSchema);
  const known = [sentence?.max_seq_length, limits.tokenizer, limits.positions].filter(isLimit);
  return known.length === 0 ? FALLBACK : Math.floor(Math.min(...known));
}

/**
 * Families that number positions from the one after the padding id (create_position_ids_from_input_ids of transformers): of 514 rows
 * the first two stand for no position.
 */
const OFFSET_FAMILIES = new Set([
  ...[
    'roberta',
    'xlm-roberta',
    'xlm-roberta-xl',
    'camembert',
    'mpnet',
    'longformer',
    'data2vec-text',
    'roberta-prelayernorm',
  ],
  ...['xmod', 'luke', 'ibert', 'esm', 'lilt', 'markuplm', 'layoutlmv3'],
]);

/** The tokens that the model has positions for; undefined where its positions are relative. */
export function positionsOf(config: EncoderConfig | undefined): number | undefined {
  const rows = config?.max_position_embeddings ?? undefined;
  if (rows === undefined || !OFFSET_FAMILIES.has(config?.model_type ?? '')) return rows;
  return rows - (config?.pad_token_id ?? 1) - 1;
}
