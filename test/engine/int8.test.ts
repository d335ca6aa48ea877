/** Precision int8 from end to end: its file is made once, features stay near float32's and do not depend on the batch. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import type { Encoder, Pooling } from '../../src/encoders/encoder.js';
import { loadTextEncoder } from '../../src/encoders/text-encoder.js';
import { createEngine, type EngineOptions } from '../../src/engine/create-engine.js';
import { Rng } from '../../src/core/rng.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { multipliesBytesExactly } from '../../src/runtime/integer-products.js';
import { exactInt8 } from '../support/exact-int8.js';
import { relativeError } from '../support/golden.js';
import { idEncoder } from '../support/id-encoder.js';
import { int8Features, TEXTS, type Int8Features } from '../support/int8-features.js';
import { writeWideBert } from '../support/wide-bert.js';

const exact = await exactInt8();
let scratch: string;
let model: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'fungi-int8-'));
  model = await writeWideBert(join(scratch, 'model'));
});
afterAll(() => rm(scratch, { recursive: true }));

const newCache = (): Promise<string> => mkdtemp(join(scratch, 'cache-'));

/** Every file of a folder, with what changes when it is written or replaced. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const states = files.map(async (path) => {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return [path, `${ino} ${size} ${mtimeNs}`] as const;
  });
  return Object.fromEntries(await Promise.all(states));
}

async function int8File(cache: string, extension: 'bin' | 'json'): Promise<string> {
  const files = Object.keys(await snapshot(cache)).filter((path) => new RegExp(`^int8-.*\\.${extension}$`).test(basename(path))); // prettier-ignore
  expect(files).toHaveLength(1);
  return files[0]!;
}

const child = new URL('../support/int8-child.ts', import.meta.url).pathname;
/** What the encoder computes is the same to the bit; the tail is float32, whose products round by the size of the batch. */
const SAME_FEATURE = 1e-5;

describe.skipIf(!exact)('a model in int8', () => {
  it('is made once: another load and another process write nothing, and compute the same', async () => {
    const cache = await newCache();
    const { features } = await int8Features(model, cache, 'first');
    const made = await snapshot(cache);
    await Promise.all([int8File(cache, 'bin'), int8File(cache, 'json')]);
    expect((await int8Features(model, cache, 'first')).features).toEqual(features);
    expect(await snapshot(cache)).toEqual(made);
    const output = execFileSync(process.execPath, ['--import', 'tsx', child, model, cache, 'first'], { encoding: 'utf8' }); // prettier-ignore
    expect(output).toBe(Buffer.concat(features.map((row) => new Uint8Array(row.slice().buffer))).toString('base64'));
    expect(await snapshot(cache)).toEqual(made);
  });

  it('is made once by two that ask for it at once', async () => {
    const cache = await newCache();
    const both = await Promise.all([int8Features(model, cache, 'first'), int8Features(model, cache, 'mean')]);
    await Promise.all([int8File(cache, 'bin'), int8File(cache, 'json')]);
    const again = [await int8Features(model, cache, 'first'), await int8Features(model, cache, 'mean')];
    expect(both.map(({ states }) => states)).toEqual(again.map(({ states }) => states));
  });

  it('is made of what the encoder sees: a shorter limit is another file, and does not take the place of the first', async () => {
    const cache = await newCache();
    const { states } = await int8Features(model, cache, 'first');
    const short = await loadTextEncoder(model, { ...readConfig({}), cacheDir: cache, offline: true, maxTokens: 4 });
    await (await createEngine(short, { cacheDir: cache, precision: 'int8', threads: 1 })).close();
    const files = Object.keys(await snapshot(cache)).filter((path) => path.endsWith('.bin'));
    expect(files).toHaveLength(2);
    expect((await int8Features(model, cache, 'first')).states).toEqual(states);
  });

  describe.each<Pooling>(['first', 'mean'])('pooling %s', (pooling) => {
    let cache: string;
    let together: Int8Features;
    beforeAll(async () => {
      cache = await newCache();
      together = await int8Features(model, cache, pooling);
    });

    it('gives features near those of float32, and not the same', async () => {
      const { features } = await int8Features(model, cache, pooling, { precision: 'model' });
      TEXTS.forEach((_, i) => {
        const error = relativeError(together.features[i]!, features[i]!);
        expect(error).toBeGreaterThan(1e-4);
        expect(error).toBeLessThan(0.2);
      });
    });

    it.each([
      ['alone', TEXTS.map((text) => [text])],
      ['in another batch, in reversed order', [TEXTS.toReversed()]],
      ['beside one other', [TEXTS.slice(0, 2), TEXTS.slice(2, 4), TEXTS.slice(4, 6), TEXTS.slice(6)]],
    ])('gives a text the same states to the bit, and the same feature, %s', async (_, batches) => {
      const found = await int8Features(model, cache, pooling, { batches });
      batches.flat().forEach((text, place) => {
        const i = TEXTS.indexOf(text);
        expect(found.states[place]).toEqual(together.states[i]);
        expect(relativeError(found.features[place]!, together.features[i]!)).toBeLessThan(SAME_FEATURE);
      });
    });
  });

  it.each<[string, 'bin' | 'json', (path: string) => Promise<void>]>([
    ['truncated weights', 'bin', async (path) => truncate(path, (await stat(path)).size - 64)],
    [
      'damaged weights',
      'bin',
      async (path) => {
        const bytes = await readFile(path);
        bytes[bytes.length >> 1]! ^= 0x55;
        await writeFile(path, bytes);
      },
    ],
    ['no weights', 'bin', (path) => rm(path)],
    ['a truncated record', 'json', async (path) => truncate(path, (await stat(path)).size - 2)],
    ['a record of something else', 'json', (path) => writeFile(path, '{"schemes": [], "error": 0}')],
    ['no record', 'json', (path) => rm(path)],
  ])('is made again of %s', async (_, extension, damage) => {
    const cache = await newCache();
    const { features } = await int8Features(model, cache, 'first');
    const paths = await Promise.all([int8File(cache, 'bin'), int8File(cache, 'json')]);
    const whole = await Promise.all(paths.map((path) => readFile(path)));
    await damage(paths[extension === 'bin' ? 0 : 1]);
    expect((await int8Features(model, cache, 'first')).features).toEqual(features);
    expect(await Promise.all(paths.map((path) => readFile(path)))).toEqual(whole);
  });
});

describe('int8 is refused', () => {
  /** One self-attention of width 64 whose products with weights are what `product` makes of them. */
  async function attention(opset: number, product: Product): Promise<string> {
    const D = 64;
    const g = new GraphBuilder('attention', opset);
    const [ids, mask] = ['input_ids', 'attention_mask'].map((name) => g.input(name, 'int64', ['B', 'T']));
    const table = (name: string, rows: number): string =>
      g.constant({ type: 'float32', data: Rng.stream(2, name).uniform(rows * D, 0.2), shape: [rows, D] }, name);
    const x = g.op('Gather', [table('words', 60), ids!]);
    const [q, k, v] = ['query', 'key', 'value'].map((name) => product(g, x, Rng.stream(2, name).uniform(D * D, 0.2)));
    const scores = g.op('MatMul', [q!, g.op('Transpose', [k!], { perm: [0, 2, 1] })]);
    const visible = g.op('Reshape', [g.op('Cast', [mask!], { to: 1 }), g.integers([0, 1, -1])]);
    const bias = g.op('Mul', [g.op('Sub', [visible, g.scalar(1)]), g.scalar(1e9)]);
    const weights = g.op('Softmax', [g.op('Add', [scores, bias])], { axis: -1 });
    const y = g.op('MatMul', [g.op('MatMul', [weights, v!]), table('output.weight', D)]);
    g.output(g.op('Add', [x, y]), 'float32', ['B', 'T', D], 'last_hidden_state');
    const path = join(await mkdtemp(join(scratch, 'attention-')), 'model.onnx');
    await writeFile(path, g.build());
    return path;
  }
  type Product = (g: GraphBuilder, x: string, w: Float32Array) => string;
  const weight = (g: GraphBuilder, data: Float32Array): string =>
    g.constant({ type: 'float32', data, shape: [64, 64] });
  const float: Product = (g, x, w) => g.op('MatMul', [x, weight(g, w)]);
  /** As onnxruntime's quantize_dynamic writes it. */
  const dynamic: Product = (g, x, w) => {
    const outputs = ['values', 'scale', 'zero'].map((name) => g.fresh(name));
    const [values, scale, zero] = outputs as [string, string, string];
    g.op('DynamicQuantizeLinear', [x], {}, { outputs });
    const rounded = g.constant({ type: 'int8', data: Int8Array.from(w, (value) => 600 * value), shape: [64, 64] });
    const product = g.op('MatMulInteger', [values, rounded, zero]);
    return g.op('Mul', [g.op('Cast', [product], { to: 1 }), g.op('Mul', [scale, g.scalar(1 / 600)])]);
  };
  /** Weights and product in half precision. */
  const half: Product = (g, x, w) => {
    const wide = weight(g, w);
    const product = g.op('MatMul', [g.op('Cast', [x], { to: 10 }), g.op('Cast', [wide], { to: 10 })]);
    return g.op('Cast', [product], { to: 1 });
  };

  async function outcome(path: string, changes: Partial<Encoder> = {}, options: EngineOptions = {}): Promise<unknown> {
    const ids = idEncoder(path, 'first');
    const calibration = () => ids.prepare(['2 5 7 9 3', '2 40 3']);
    const encoder = { ...ids, modelSha256: 'a'.repeat(64), calibration, ...changes } as Encoder<never>;
    try {
      const cacheDir = await newCache();
      await (await createEngine(encoder, { cacheDir, precision: 'int8', ...options })).close();
      return 'taken';
    } catch (error) {
      return error;
    }
  }

  it.skipIf(!exact)('not for this model in float32', async () => {
    expect(await outcome(await attention(17, float))).toBe('taken');
    expect(await outcome(await attention(13, float))).toBe('taken');
  });

  const noItems = /^ids: precision int8 needs items to calibrate with; .* of modality "(text|image)" does not$/;
  it.each<[string, Partial<Encoder>, EngineOptions, RegExp]>([
    [
      'without a cache folder',
      {},
      { cacheDir: undefined } as never,
      /^ids: precision int8 needs a cache folder, and an encoder that brings the digest of its model$/,
    ],
    ['for an encoder without items to calibrate with', { calibration: undefined } as never, {}, noItems],
    ['for an encoder with none', { calibration: () => [], modality: 'image' }, {}, noItems],
  ])('%s', async (_, changes, options, says) => {
    expect(await outcome(await attention(17, float), changes, options)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(says) as string,
    });
  });

  it('for another device than the CPU', async () => {
    expect(await outcome(await attention(17, float), {}, { provider: 'cuda' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('is for the CPU, not for provider "cuda"') as string,
    });
  });

  it('on the machines that do not multiply bytes exactly', async () => {
    expect(await multipliesBytesExactly()).toBe(exact);
  });

  it.each<[string, number, Product, RegExp]>([
    ['a quantised model', 17, dynamic, /model\.onnx is quantised already$/],
    ['a model in half precision', 17, half, /no MatMul with a constant float32 weight .*half precision/],
    ['an operator set below 13', 12, float, /is of operator set 12, and 13 is the oldest/],
  ])('for %s, which is taken as it is', async (_, opset, product, says) => {
    const path = await attention(opset, product);
    expect(await outcome(path)).toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(says) as string,
      hint: expect.stringContaining('--precision') as string,
    });
    expect(await outcome(path, {}, { precision: 'model' })).toBe('taken');
  });
});
