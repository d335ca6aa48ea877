import { cp, mkdtemp, readFile, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from '../../src/core/safetensors.js';
import type { SafetensorsTensor } from '../../src/core/safetensors.js';
import { convertBert } from '../../src/encoders/bert-conversion.js';
import { Session, int64, type Feeds } from '../../src/runtime/session.js';

const FIXTURES = join(import.meta.dirname, '../golden/fixtures/bert-graph');
let scratch: string;
let cacheDir: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'bert-graph-'));
  cacheDir = join(scratch, 'cache');
});
afterAll(() => rm(scratch, { recursive: true }));

async function copyOf(variant: string): Promise<string> {
  const folder = join(await mkdtemp(join(scratch, 'model-')), variant);
  await cp(join(FIXTURES, variant), folder, { recursive: true });
  return folder;
}

const load = async (graph: string) =>
  Session.load(await readFile(graph), graph, { folder: dirname(graph), threads: 1 });

/** ‖a − b‖ / ‖b‖ over the rows of `row` that are not padding. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

const TOLERANCE = 1e-5;

describe.each(['plain', 'google'])('%s', (variant) => {
  it('computes the hidden states PyTorch computes in float64, padded and alone', async () => {
    const session = await load(await convertBert(await copyOf(variant), { cacheDir }));
    const golden = await readSafetensors(join(FIXTURES, variant, 'expected.safetensors'));
    const [batch, tokens, width] = golden.get('hidden')!.shape as [number, number, number];
    const hidden = golden.get('hidden')!.data as Float64Array;
    const integers = (name: string) => golden.get(name)!.data as BigInt64Array;
    const lengths = Array.from(
      { length: batch },
      (_, i) =>
      Number(integers('attention_mask').subarray(i * tokens, (i + 1) * tokens).reduce((sum, x) => sum + x, 0n)), // prettier-ignore
    );
    const feeds = (from: number, rows: number, length: number): Feeds =>
      Object.fromEntries(
        ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => {
          const data = integers(name).slice(from * tokens, from * tokens + (rows === 1 ? length : rows * tokens));
          return [name, int64(data, [rows, length])];
        }),
      );

    const padded = (await session.run(feeds(0, batch, tokens), ['last_hidden_state'])).last_hidden_state;
    expect(padded.shape).toEqual([batch, tokens, width]);
    for (const [i, length] of lengths.entries()) {
      const start = i * tokens * width;
      const expected = hidden.subarray(start, start + length * width);
      const inBatch = (padded.data as Float32Array).subarray(start, start + length * width);
      expect(relativeError(inBatch, expected)).toBeLessThan(TOLERANCE);
      const alone = (await session.run(feeds(i, 1, length), ['last_hidden_state'])).last_hidden_state;
      expect(relativeError(alone.data as Float32Array, expected)).toBeLessThan(TOLERANCE);
    }
    await session.release();
  });
});

describe('the file', () => {
  it('holds no weights, and the names a PyTorch export has', async () => {
    const folder = await copyOf('plain');
    const path = await convertBert(folder, { cacheDir });
    expect(dirname(path)).toBe(folder);
    const bytes = await readFile(path);
    expect(bytes.length).toBeLessThan((await stat(join(folder, 'model.safetensors'))).size);
    for (const name of ['/encoder/layer.1/attention/output/dense/MatMul', 'encoder.layer.0.output.LayerNorm.weight']) {
      expect(bytes.includes(name)).toBe(true);
    }
  });

  it('is left alone when nothing changed, and made anew when the weights moved', async () => {
    const folder = await copyOf('plain');
    const path = await convertBert(folder, { cacheDir });
    const old = new Date(2001, 1, 1);
    await utimes(path, old, old);
    await convertBert(folder, { cacheDir });
    expect((await stat(path)).mtimeMs).toBe(old.getTime());

    const weights = join(folder, 'model.safetensors');
    await writeSafetensors(weights, await readSafetensors(weights), { note: 'a longer header moves every offset' });
    await convertBert(folder, { cacheDir });
    expect((await stat(path)).mtimeMs).not.toBe(old.getTime());
    await expect(load(path)).resolves.toBeInstanceOf(Session);
  });

  it('goes to the cache, with a link to the weights, when they are a link themselves, as in a hub cache', async () => {
    const blobs = await copyOf('plain');
    const snapshot = await mkdtemp(join(scratch, 'snapshot-'));
    for (const name of ['config.json', 'model.safetensors']) await symlink(join(blobs, name), join(snapshot, name));
    const path = await convertBert(snapshot, { cacheDir });
    expect(path.startsWith(cacheDir)).toBe(true);
    expect((await readdir(dirname(path))).sort()).toEqual(['model.from-safetensors.onnx', 'model.safetensors']);
    expect((await stat(join(dirname(path), 'model.safetensors'))).ino).toBe(
      (await stat(join(blobs, 'model.safetensors'))).ino,
    );
    expect(await convertBert(snapshot, { cacheDir })).toBe(path);
    await expect(load(path)).resolves.toBeInstanceOf(Session);
    expect(await readdir(snapshot)).toHaveLength(2);
  });
});

describe('refuses', () => {
  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['another architecture', { model_type: 'roberta' }, 'MODEL_UNSUPPORTED', /model_type is "roberta"/],
    ['no architecture', { model_type: undefined }, 'MODEL_UNSUPPORTED', /model_type is "missing"/],
    ['relative positions', { position_embedding_type: 'relative_key' }, 'MODEL_UNSUPPORTED', /relative_key/],
    ['a decoder', { is_decoder: true }, 'MODEL_UNSUPPORTED', /is_decoder/],
    ['another activation', { hidden_act: 'mish' }, 'MODEL_UNSUPPORTED', /hidden_act "mish"/],
    ['heads that do not divide', { num_attention_heads: 3 }, 'MODEL_CORRUPT', /not a multiple of 3 heads/],
    ['sizes that are no sizes', { hidden_size: -16 }, 'MODEL_CORRUPT', /hidden_size/],
    ['more layers than weights', { num_hidden_layers: 3 }, 'MODEL_CORRUPT', /no weight "encoder.layer.2/],
    ['a shape that contradicts', { vocab_size: 41 }, 'MODEL_CORRUPT', /\[40, 16\], config.json says \[41, 16\]/],
  ])('%s', async (_, change, code, reason) => {
    const folder = await copyOf('plain');
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object;
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...change }));
    await expect(convertBert(folder, { cacheDir })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(reason) as string,
    });
    expect(await readdir(folder)).not.toContain('model.from-safetensors.onnx');
  });

  it('half-precision weights, naming the way out', async () => {
    const folder = await copyOf('plain');
    const path = join(folder, 'model.safetensors');
    const name = 'embeddings.word_embeddings.weight';
    const tensors = new Map<string, SafetensorsTensor>(await readSafetensors(path));
    const { shape } = tensors.get(name)!;
    // U8 twice as wide, relabelled F16: the writer makes no half floats.
    tensors.set(name, { dtype: 'U8', shape: [...shape, 2], data: new Uint8Array(shape[0]! * shape[1]! * 2) });
    await writeSafetensors(path, tensors);
    const text = (await readFile(path, 'latin1')).replace(
      '"dtype":"U8","shape":[40,16,2]',
      '"dtype":"F16","shape":[40,16] ',
    );
    await writeFile(path, text, 'latin1');
    expect((await readSafetensorsHeader(path)).tensors.get(name)?.dtype).toBe('F16');
    await expect(convertBert(folder, { cacheDir })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('is F16') as string,
      hint: expect.stringContaining('float32') as string,
    });
  });
});
