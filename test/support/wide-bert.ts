/** A BERT of width 64, wide enough for products in int8, with the tokenizer of the tiny model: weights drawn by Rng, graph by our own builder. */
import { join } from 'node:path';
import { Rng } from '../../src/core/rng.js';
import { writeSafetensors, type SafetensorsTensor } from '../../src/core/safetensors.js';
import { WEIGHTS_FILE } from '../../src/encoders/bert-conversion.js';
import { tinyModel, writeFiles } from '../encoders/tiny-model.js';

const [WIDTH, INNER, LAYERS] = [64, 128, 2];
const CONFIG = {
  model_type: 'bert',
  vocab_size: 15,
  hidden_size: WIDTH,
  num_hidden_layers: LAYERS,
  num_attention_heads: 4,
  intermediate_size: INNER,
  max_position_embeddings: 32,
  type_vocab_size: 2,
};

function shapes(): Record<string, readonly number[]> {
  const linear = (name: string, from: number, to: number) => ({
    [`${name}.weight`]: [to, from],
    [`${name}.bias`]: [to],
  });
  const norm = (name: string) => ({ [`${name}.LayerNorm.weight`]: [WIDTH], [`${name}.LayerNorm.bias`]: [WIDTH] });
  const layers = Array.from({ length: LAYERS }, (_, i) => {
    const scope = `encoder.layer.${i}`;
    return {
      ...linear(`${scope}.attention.self.query`, WIDTH, WIDTH),
      ...linear(`${scope}.attention.self.key`, WIDTH, WIDTH),
      ...linear(`${scope}.attention.self.value`, WIDTH, WIDTH),
      ...linear(`${scope}.attention.output.dense`, WIDTH, WIDTH),
      ...norm(`${scope}.attention.output`),
      ...linear(`${scope}.intermediate.dense`, WIDTH, INNER),
      ...linear(`${scope}.output.dense`, INNER, WIDTH),
      ...norm(`${scope}.output`),
    };
  });
  return Object.assign(
    {
      'embeddings.word_embeddings.weight': [CONFIG.vocab_size, WIDTH],
      'embeddings.position_embeddings.weight': [CONFIG.max_position_embeddings, WIDTH],
      'embeddings.token_type_embeddings.weight': [CONFIG.type_vocab_size, WIDTH],
      ...norm('embeddings'),
    },
    ...layers,
  ) as Record<string, readonly number[]>;
}

/** Channels 7 and 30 of each state are large, as some are in trained models. */
const OUTLIERS = new Set([7, 30]);

/** Writes the model's files into `folder` and returns it. */
export async function writeWideBert(folder: string, seed = 1): Promise<string> {
  await writeFiles(folder, {
    ...(await tinyModel()),
    'config.json': JSON.stringify(CONFIG),
    'tokenizer_config.json': JSON.stringify({ do_lower_case: true }),
    'sentence_bert_config.json': JSON.stringify({ max_seq_length: CONFIG.max_position_embeddings }),
  });
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, shape] of Object.entries(shapes())) {
    const data = Rng.stream(seed, 'wide bert', name).uniform(shape.reduce((a, b) => a * b, 1), 0.2); // prettier-ignore
    const isGain = name.endsWith('LayerNorm.weight');
    const values = isGain ? data.map((value, i) => (OUTLIERS.has(i) ? 10 : 1) * (1 + value)) : data;
    tensors.set(name, { dtype: 'F32', shape, data: values });
  }
  await writeSafetensors(join(folder, WEIGHTS_FILE), tensors);
  return folder;
}
