import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxTokensOf } from '../../src/encoders/max-tokens.js';
import { choosePooling } from '../../src/encoders/pooling.js';
import { writeFiles } from './tiny-model.js';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pooling-'));
});
afterAll(() => rm(scratch, { recursive: true }));

async function folderWith(files: Record<string, unknown>): Promise<string> {
  const contents = Object.entries(files).map(([name, value]) => [name, JSON.stringify(value)]);
  return writeFiles(await mkdtemp(join(scratch, 'model-')), Object.fromEntries(contents) as Record<string, string>);
}

const TYPES = 'sentence_transformers.models';
const modules = (...names: string[]) =>
  names.map((name, idx) => ({ idx, path: idx === 0 ? '' : `${idx}_${name}`, type: `${TYPES}.${name}` }));
const sentence = (pooling: unknown) => ({
  'modules.json': modules('Transformer', 'Pooling', 'Normalize'),
  '1_Pooling/config.json': pooling,
});

describe('pooling', () => {
  it.each<[string, Record<string, unknown>, 'first' | 'mean', string]>([
    ['mean, as sentence-transformers writes it', sentence({ pooling_mode_mean_tokens: true }), 'mean', 'modules.json'],
    [
      'CLS, with the other modes off',
      sentence({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false, pooling_mode_max_tokens: false }),
      'first',
      'modules.json',
    ],
    ['the newer single word', sentence({ pooling_mode: 'mean' }), 'mean', 'modules.json'],
    [
      'a pooling config without modules.json',
      { '1_Pooling/config.json': { pooling_mode_mean_tokens: true } },
      'mean',
      'modules.json',
    ],
    [
      'a pooling module in another folder',
      {
        'modules.json': [{ path: 'pool', type: `${TYPES}.Pooling` }],
        'pool/config.json': { pooling_mode_mean_tokens: true },
      },
      'mean',
      'modules.json',
    ],
    ['nothing: a plain BERT', { 'config.json': { model_type: 'bert' } }, 'first', 'default'],
    ['modules without pooling', { 'modules.json': modules('Transformer') }, 'first', 'default'],
  ])('%s', async (_, files, pooling, source) => {
    expect(await choosePooling(await folderWith(files))).toEqual({ pooling, source });
  });

  it('is the option, whatever the files say', async () => {
    const folder = await folderWith(sentence({ pooling_mode_max_tokens: true }));
    expect(await choosePooling(folder, 'first')).toEqual({ pooling: 'first', source: 'option' });
    await expect(choosePooling(folder, 'max' as 'mean')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['max', sentence({ pooling_mode_max_tokens: true }), 'MODEL_UNSUPPORTED', /pooling max_tokens;/],
    ['weighted', sentence({ pooling_mode_weightedmean_tokens: true }), 'MODEL_UNSUPPORTED', /weightedmean_tokens/],
    ['last token', sentence({ pooling_mode: 'lasttoken' }), 'MODEL_UNSUPPORTED', /lasttoken/],
    [
      'two at once',
      sentence({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: true }),
      'MODEL_UNSUPPORTED',
      /cls_token \+ mean_tokens/,
    ],
    ['none', sentence({ pooling_mode_mean_tokens: false }), 'MODEL_UNSUPPORTED', /no pooling mode/],
    ['a dense layer', { 'modules.json': modules('Transformer', 'Pooling', 'Dense') }, 'MODEL_UNSUPPORTED', /Dense/],
    ['a missing config', { 'modules.json': modules('Transformer', 'Pooling') }, 'MODEL_CORRUPT', /missing/],
    [
      'a config outside',
      { 'modules.json': [{ path: '../..', type: `${TYPES}.Pooling` }] },
      'MODEL_CORRUPT',
      /outside the model/,
    ],
    ['damaged modules', { 'modules.json': { a: 1 } }, 'MODEL_CORRUPT', /modules.json/],
  ])('refuses %s, naming the way out', async (_, files, code, reason) => {
    const error: unknown = await choosePooling(await folderWith(files)).catch((e: unknown) => e);
    expect(error).toMatchObject({ code, message: expect.stringMatching(reason) as string });
    if (code === 'MODEL_UNSUPPORTED') expect((error as { hint: string }).hint).toContain('--pooling first|mean');
  });
});

describe('max tokens', () => {
  it.each<[string, number | null | undefined, number | undefined, number | undefined, number]>([
    ['sentence-transformers', 256, 512, 512, 256],
    ['the tokenizer', 512, 128, 512, 128],
    ['the positions', undefined, 1e30, 77, 77],
    ['the tokenizer, when null stands in the sentence config', null, 384, 512, 384],
    ['512, when nothing says anything', undefined, undefined, undefined, 512],
    ['512, when all are sentinels', undefined, 1e30, -1, 512],
  ])('is what %s says', async (_, sentenceLimit, tokenizer, positions, expected) => {
    const folder = await folderWith(
      sentenceLimit === undefined ? {} : { 'sentence_bert_config.json': { max_seq_length: sentenceLimit } },
    );
    expect(await maxTokensOf(folder, { tokenizer, positions })).toBe(expected);
  });
});
