import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { loadTextEncoder, type TextEncoderOptions } from '../../src/encoders/text-encoder.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { Session } from '../../src/runtime/session.js';
import { tinyModel, writeFiles, type Files } from './tiny-model.js';

const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'];
let scratch: string;
let options: TextEncoderOptions;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'text-encoder-'));
  options = { ...readConfig({}), cacheDir: join(scratch, 'cache'), offline: true };
});
afterAll(() => rm(scratch, { recursive: true }));

async function folderWith(changes: Record<string, string | undefined> = {}): Promise<string> {
  const files = Object.entries({ ...(await tinyModel()), ...changes }).filter(([, data]) => data !== undefined);
  return writeFiles(await mkdtemp(join(scratch, 'model-')), Object.fromEntries(files) as Files);
}

describe('a sentence encoder', () => {
  it('knows its pooling, limits, licence and digests, and where they come from', async () => {
    const folder = await folderWith();
    const encoder = await loadTextEncoder(folder, options);
    expect(encoder).toMatchObject({
      id: folder,
      folder,
      source: 'folder',
      licence: 'apache-2.0',
      pooling: 'mean',
      poolingSource: 'modules.json',
      maxTokens: 12,
    });
    expect(encoder.modelSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(encoder.preprocessorSha256).toBe(encoder.tokenizer.digest);
    const option = await loadTextEncoder(folder, { ...options, pooling: 'first', maxTokens: 5 });
    expect(option).toMatchObject({ pooling: 'first', poolingSource: 'option', maxTokens: 5 });
    expect(option.prepare(['a b c d a b c d'])[0]).toMatchObject({ tokens: 5, truncated: true });
  });

  it('has another digest when the weights change, though the graph does not', async () => {
    const folder = await folderWith();
    const before = await loadTextEncoder(folder, options);
    const path = join(folder, 'model.safetensors');
    const weights = await readFile(path);
    weights[weights.length - 1]! ^= 1;
    await writeFile(path, weights);
    expect((await loadTextEncoder(folder, options)).modelSha256).not.toBe(before.modelSha256);
  });

  it('makes the inputs of its model, and an embedding does not depend on the padding', async () => {
    const encoder = await loadTextEncoder(await folderWith(), options);
    const [short, long] = encoder.probe();
    expect(long.tokens).toBeGreaterThan(short.tokens);
    const feeds = encoder.collate([short, long], INPUTS);
    expect(feeds['input_ids']).toEqual({
      type: 'int64',
      shape: [2, long.tokens],
      data: BigInt64Array.from([...short.ids, ...long.ids.slice(short.tokens).map(() => 0), ...long.ids].map(BigInt)),
    });
    expect([...feeds['attention_mask']!.data].map(Number)).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);

    const session = await Session.load(await readFile(encoder.modelPath), 'tiny', {
      folder: dirname(encoder.modelPath),
    });
    expect(Object.keys(encoder.collate([short], session.inputNames))).toEqual(session.inputNames);
    const run = async (batch: Parameters<typeof encoder.collate>[0]) =>
      (await session.run(encoder.collate(batch, INPUTS), ['last_hidden_state'])).last_hidden_state;
    const alone = await run([short]);
    const padded = await run([short, long]);
    const difference = [...alone.data].map((x, i) => Math.abs(Number(x) - Number(padded.data[i])));
    expect(Math.max(...difference)).toBeLessThan(1e-5);
    await session.release();
  });

  it('gives each input in the integers that the graph declares', async () => {
    const g = new GraphBuilder('narrow', 17);
    const ids = g.input('input_ids', 'int32', ['batch', 'tokens']);
    const mask = g.input('attention_mask', 'int64', ['batch', 'tokens']);
    const sum = g.op('Add', [g.op('Cast', [ids], { to: 1 }), g.op('Cast', [mask], { to: 1 })]);
    g.output(sum, 'float32', ['batch', 'tokens'], 'sum');
    const folder = await folderWith();
    await writeFile(join(folder, 'model.onnx'), g.build());
    const encoder = await loadTextEncoder(folder, options);
    const [short, long] = encoder.probe();
    const feeds = encoder.collate([short, long], INPUTS);
    expect([feeds['input_ids']!.type, feeds['attention_mask']!.type]).toEqual(['int32', 'int64']);
    const session = await Session.load(await readFile(encoder.modelPath), 'narrow');
    const result = await session.run(encoder.collate([short, long], session.inputNames), ['sum']);
    const padding = Array<number>(long.tokens - short.tokens).fill(-1);
    expect([...result.sum.data]).toEqual([...short.ids, ...padding, ...long.ids].map((id) => id + 1));
    await session.release();
  });

  it('gives a model only the inputs it has, and refuses those it cannot make', async () => {
    const encoder = await loadTextEncoder(await folderWith(), options);
    expect(Object.keys(encoder.collate(encoder.probe(), ['input_ids', 'attention_mask']))).toEqual(INPUTS.slice(0, 2));
    for (const name of ['pixel_values', 'constructor']) {
      expect(() => encoder.collate(encoder.probe(), [name])).toThrow(`input "${name}"`);
    }
  });
});

describe('refuses', () => {
  it.each<[string, Record<string, string | undefined>, string, RegExp]>([
    ['a tokenizer of another model', { 'vocab.txt': ['[UNK]', '[CLS]', '[SEP]', ...Array(40).keys()].join('\n') }, 'TOKENIZER_INVALID', /43 tokens, the model 40/],
    ['a model without tokenizer', { 'vocab.txt': undefined }, 'TOKENIZER_INVALID', /neither tokenizer.json nor/],
    ['a damaged config', { 'config.json': '{' }, 'MODEL_CORRUPT', /config.json: is not JSON/],
    ['truncated weights', { 'model.safetensors': 'xx' }, 'MODEL_CORRUPT', /model.safetensors: not a valid/],
  ])('%s', async (_, changes, code, message) => {
    await expect(loadTextEncoder(await folderWith(changes), options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  }); // prettier-ignore

  it.each([13, 2, 0, 4.5, NaN])('maxTokens %d', async (maxTokens) => {
    const folder = await folderWith();
    await expect(loadTextEncoder(folder, { ...options, maxTokens })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('from 3 to 12') as string,
    });
  });
});
