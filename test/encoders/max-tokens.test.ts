/** How many tokens a model has positions for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { positionsOf } from '../../src/encoders/max-tokens.js';
import { loadTextEncoder } from '../../src/encoders/text-encoder.js';
import { onnxFile } from './onnx-file.js';
import { tinyModel, writeFiles } from './tiny-model.js';

it.each<[string, number | null | undefined, number | undefined, number | undefined]>([
  ['bert', 512, 0, 512],
  ['distilbert', 512, 0, 512],
  ['deberta-v2', 512, 0, 512],
  ['xlm', 512, 2, 512],
  ['roberta', 514, 1, 512],
  ['xlm-roberta', 514, 1, 512],
  ['camembert', 514, 1, 512],
  ['mpnet', 514, 1, 512],
  ['layoutlmv3', 514, 1, 512],
  // Without a padding id in its config, a model of these has transformers' own, 1.
  ['roberta', 514, undefined, 512],
  ['longformer', 4098, 1, 4096],
  ['roberta', 130, 0, 129],
  ['t5', undefined, 0, undefined],
  ['roberta', null, 1, undefined],
])('%s with %s rows of positions and padding id %s: %s tokens', (model_type, rows, pad_token_id, tokens) => {
  expect(positionsOf({ model_type, max_position_embeddings: rows, ...(pad_token_id !== undefined && { pad_token_id }) })).toBe(tokens); // prettier-ignore
});

it('no config says nothing', () => {
  expect(positionsOf(undefined)).toBeUndefined();
});

it.each([
  ['bert', 24],
  ['roberta', 22],
])('a text for %s is cut where positions end: %d tokens of 24 rows', async (model_type, tokens) => {
  const folder = await mkdtemp(join(tmpdir(), 'max-tokens-'));
  try {
    const { 'vocab.txt': vocabulary } = await tinyModel();
    await writeFiles(folder, {
      'vocab.txt': vocabulary!,
      'config.json': JSON.stringify({ model_type, max_position_embeddings: 24, pad_token_id: 1 }),
      'model.onnx': onnxFile('w'),
    });
    const encoder = await loadTextEncoder(folder, { ...readConfig({}), cacheDir: folder, offline: true });
    expect(encoder.maxTokens).toBe(tokens);
    expect(encoder.prepare(['a '.repeat(40)])[0]).toMatchObject({ tokens, truncated: true });
  } finally {
    await rm(folder, { recursive: true });
  }
});
