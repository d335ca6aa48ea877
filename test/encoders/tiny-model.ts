/** A BERT of a few kilobytes with a tokenizer that belongs to it, in the files a hub or a wheel would hold. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export type Files = Readonly<Record<string, Buffer | string>>;

const FIXTURE = join(import.meta.dirname, '../golden/fixtures/bert-graph/plain');
const VOCABULARY = '[PAD] [UNK] [CLS] [SEP] [MASK] a b c d the cat sat ##s dog'.split(' ');

export async function tinyModel(): Promise<Files> {
  return {
    'config.json': await readFile(join(FIXTURE, 'config.json')),
    'model.safetensors': await readFile(join(FIXTURE, 'model.safetensors')),
    'vocab.txt': VOCABULARY.join('\n'),
    'tokenizer_config.json': JSON.stringify({ do_lower_case: true, model_max_length: 20 }),
    'modules.json': JSON.stringify([
      { path: '', type: 'sentence_transformers.models.Transformer' },
      { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      { path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
    ]),
    '1_Pooling/config.json': JSON.stringify({ pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }),
    'sentence_bert_config.json': JSON.stringify({ max_seq_length: 12 }),
    'README.md': '---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n',
  };
}

export async function writeFiles(folder: string, files: Files): Promise<string> {
  for (const [name, data] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
  }
  return folder;
}
