/** What config.json says of a BERT-family encoder. */
import { join } from 'node:path';
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { readJsonFile } from './json-file.js';

const size = z.int().positive();

/** The members every encoder's config.json may hold, as far as we read them. */
const commonSchema = z.looseObject({
  model_type: z.string().optional(),
  vocab_size: size.nullish(),
  max_position_embeddings: z.number().nullish(),
  pad_token_id: z.int().nonnegative().nullish(),
});

/** Defaults are transformers' BertConfig's. */
const bertSchema = z.object({
  vocab_size: size.default(30522),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: z.string().default('gelu'),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.string().default('absolute'),
  is_decoder: z.boolean().default(false),
});

export type EncoderConfig = z.infer<typeof commonSchema>;
export type BertConfig = z.infer<typeof bertSchema>;

/** config.json of `folder`, undefined when there is none. @throws {FungiError} MODEL_CORRUPT */
export async function readEncoderConfig(folder: string): Promise<EncoderConfig | undefined> {
  return readJsonFile(join(folder, 'config.json'), commonSchema);
}

/**
 * config.json of `folder` as that of a plain BERT.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED when it is another architecture, or a variant of BERT that computes differently
 */
export async function readBertConfig(folder: string): Promise<BertConfig> {
  const path = join(folder, 'config.json');
  const common = await readEncoderConfig(folder);
  if (common === undefined) throw new FungiError('MODEL_CORRUPT', `${path}: missing`);
  const unsupported = (what: string) =>
    new FungiError('MODEL_UNSUPPORTED', `${path}: ${what}; safetensors are converted for model_type "bert" only`, {
      hint: 'Export it to onnx/model.onnx, for example with `optimum-cli export onnx`, and use that folder.',
    });
  if (common.model_type !== 'bert') throw unsupported(`model_type is "${common.model_type ?? 'missing'}"`);
  const config = await readJsonFile(path, bertSchema);
  if (config === undefined) throw new FungiError('MODEL_CORRUPT', `${path}: missing`);
  if (config.is_decoder) throw unsupported('is_decoder is true');
  if (config.position_embedding_type !== 'absolute')
    throw unsupported(`position_embedding_type is "${config.position_embedding_type}"`);
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new FungiError(
      'MODEL_CORRUPT',
      `${path}: hidden_size ${config.hidden_size} is not a multiple of ${config.num_attention_heads} heads`,
    );
  }
  return config;
}
