/** Forms in which a model's file comes: quantised with and without its unquantised file, over 2 GiB, loaded twice. */
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import type { Encoder } from '../../src/encoders/encoder.js';
import { locateModel } from '../../src/encoders/sources/model-files.js';
import { createEngine, type EngineOptions } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { kl } from '../../src/losses/kl.js';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import { externalTensor, isExternal, tensorShape } from '../../src/onnx/tensor.js';
import { Session } from '../../src/runtime/session.js';
import { fixture, relativeError } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { tinyBert } from '../support/tiny-bert.js';

const bert = (kind: string): string => fixture(`families/bert/${kind}.onnx`);
/** Ids within the vocabulary of 40 that the families have. */
const TEXTS = tinyBert.texts.map((ids) => ids.map((id) => 3 + (id % 36)));
const D = 16;

const engines: GradientEngine[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

async function load(encoder: Encoder<never>, options: EngineOptions = {}): Promise<GradientEngine> {
  const engine = await createEngine(encoder, options);
  engines.push(engine);
  return engine;
}

const encoderOf = (path: string, changes: Partial<Encoder> = {}): Encoder<never> =>
  ({ ...idEncoder(path, 'first'), ...changes }) as never;

const artefacts = {
  'kl.head.weight': { data: Float32Array.from({ length: D * 8 }, (_, i) => Math.sin(1 + 5 * i) / 4), shape: [D, 8] },
  'kl.head.bias': { data: new Float32Array(8), shape: [8] },
};

async function deltas(engine: GradientEngine, texts: readonly (readonly number[])[]): Promise<number[][]> {
  const spec = { loss: kl({ mode: 'paper', latent: 8, temperature: 1 }), gradient: { kind: 'factors' } } as const;
  const program = await engine.program(spec, artefacts);
  const states = await engine.encode(texts.map(asItem));
  const { factors } = await program.run(
    states,
    texts.map((_, i) => [i]),
  );
  return factors.map(({ delta }) => [...delta]);
}

async function pooledOf(engine: GradientEngine, texts = TEXTS): Promise<Float32Array> {
  const program = await engine.program({});
  const states = await engine.encode(texts.map(asItem));
  const { pooled } = await program.run(
    states,
    texts.map((_, i) => [i]),
  );
  return pooled;
}

describe.each(['qdq', 'dynamic'])('a quantised export (%s)', (kind) => {
  it('gives embeddings by itself, and says which file its gradients need', async () => {
    const engine = await load(encoderOf(bert(kind)));
    const exact = await pooledOf(await load(encoderOf(bert('plain'))));
    const rounded = relativeError(await pooledOf(engine), exact);
    expect(rounded).toBeGreaterThan(1e-4);
    expect(rounded).toBeLessThan(0.3);
    const refusal = expect.objectContaining({
      code: 'OP_UNSUPPORTED',
      hint: expect.stringContaining('model.onnx') as string,
    }) as Error;
    expect(() => {
      engine.assertDifferentiable();
    }).toThrow(refusal);
    await expect(deltas(engine, TEXTS)).rejects.toThrow(refusal);
  });

  it('takes its last block from the unquantised file beside it', async () => {
    const unquantised = { modelPath: bert('plain'), modelSha256: '' };
    const engine = await load(encoderOf(bert(kind), { unquantised }));
    const whole = await load(encoderOf(bert('plain')));
    expect(engine.info).toMatchObject({ sliced: true, target: whole.info.target });
    const error = relativeError((await deltas(engine, TEXTS)).flat(), (await deltas(whole, TEXTS)).flat());
    expect(error).toBeGreaterThan(1e-6);
    expect(error).toBeLessThan(0.5);
  });

  it('gives a text the same feature whatever is beside it', async () => {
    const engine = await load(encoderOf(bert(kind), { unquantised: { modelPath: bert('plain'), modelSha256: '' } }));
    const together = await deltas(engine, TEXTS);
    const reversed = (await deltas(engine, TEXTS.toReversed())).toReversed();
    for (const [i, text] of TEXTS.entries()) {
      const [alone] = await deltas(engine, [text]);
      expect(relativeError(together[i]!, alone!)).toBeLessThan(1e-5);
      expect(relativeError(reversed[i]!, alone!)).toBeLessThan(1e-5);
    }
  });

  it('is refused beside a file that it was not made of', async () => {
    const unquantised = { modelPath: fixture('families/roberta/optimised.onnx'), modelSha256: '' };
    const outcome: unknown = await load(encoderOf(bert(kind), { unquantised })).catch((error: unknown) => error);
    expect(FungiError.is(outcome, 'MODEL_UNSUPPORTED'), String(outcome)).toBe(true);
  });
});

it('weights kept in int8 are weights: nothing is rounded when they are used', async () => {
  const engine = await load(encoderOf(bert('weight-only')));
  const [alone] = await deltas(engine, [TEXTS[0]!]);
  const together = await deltas(engine, TEXTS);
  expect(relativeError(together[0]!, alone!)).toBeLessThan(1e-5);
});

/** A model with its larger weights, one after the other from `start` on, in a file of their own. */
async function withDataApart(
  source: string,
  start: number,
): Promise<{ readonly graph: Uint8Array; readonly weights: readonly { offset: number; bytes: Uint8Array }[] }> {
  const proto = fromBinary(ModelProtoSchema, await readFile(source));
  const weights: { offset: number; bytes: Uint8Array }[] = [];
  let offset = start;
  for (const [i, tensor] of proto.graph!.initializer.entries()) {
    const bytes = tensor.rawData;
    if (isExternal(tensor) || bytes.length < 256) continue;
    const place = { location: 'model.onnx_data', offset, length: bytes.length };
    proto.graph!.initializer[i] = externalTensor(tensor.name, tensor.dataType, tensorShape(tensor), place);
    weights.push({ offset, bytes });
    offset += bytes.length;
  }
  return { graph: toBinary(ModelProtoSchema, proto), weights };
}

describe('a model whose weights lie beyond 2 GiB', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'fungi-large-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('is used where it lies', async () => {
    const source = bert('plain');
    const { graph, weights } = await withDataApart(source, 2 ** 31 + 4096);
    const data = await open(join(folder, 'model.onnx_data'), 'w');
    for (const { offset, bytes } of weights) await data.write(bytes, 0, bytes.length, offset);
    await data.close();
    await writeFile(join(folder, 'model.onnx'), graph);
    const [large, small] = [await load(encoderOf(join(folder, 'model.onnx'))), await load(encoderOf(source))];
    expect(await deltas(large, TEXTS)).toEqual(await deltas(small, TEXTS));
  });
});

describe('a cache of links, as Hugging Face’s tools keep one', () => {
  let root: string;
  beforeAll(async () => (root = await mkdtemp(join(tmpdir(), 'fungi-links-'))));
  afterAll(() => rm(root, { recursive: true }));

  it('is used in place: graph and data are links to blobs of other names', async () => {
    const source = bert('plain');
    const { graph, weights } = await withDataApart(source, 0);
    const [blobs, snapshot] = [join(root, 'blobs'), join(root, 'snapshots', 'abc', 'onnx')];
    await Promise.all([mkdir(blobs, { recursive: true }), mkdir(snapshot, { recursive: true })]);
    await writeFile(join(blobs, '1f'), graph);
    await writeFile(join(blobs, '2e'), Buffer.concat(weights.map(({ bytes }) => bytes)));
    await symlink('../../../blobs/1f', join(snapshot, 'model.onnx'));
    await symlink('../../../blobs/2e', join(snapshot, 'model.onnx_data'));
    const cacheDir = join(root, 'cache');
    const model = await locateModel('linked', join(root, 'snapshots', 'abc'), 'cache', { cacheDir });
    const [linked, whole] = [await load(encoderOf(model!.modelPath)), await load(encoderOf(source))];
    expect(await deltas(linked, TEXTS)).toEqual(await deltas(whole, TEXTS));
    // Links, or hard links: no second copy of the weights.
    expect((await stat(join(dirname(model!.modelPath), 'model.onnx_data'))).ino).toBe(
      (await stat(join(blobs, '2e'))).ino,
    );
  });
});

describe('loading a model again', () => {
  let cacheDir: string;
  beforeAll(async () => (cacheDir = await mkdtemp(join(tmpdir(), 'fungi-findings-'))));
  afterAll(() => rm(cacheDir, { recursive: true }));
  const known = (changes: Partial<Encoder> = {}): Encoder<never> =>
    encoderOf(bert('plain'), { modelSha256: 'a'.repeat(64), ...changes });

  it('does not try it again, and computes the same', async () => {
    const sessions = vi.spyOn(Session, 'load');
    const first = await load(known(), { cacheDir });
    expect(sessions).toHaveBeenCalledTimes(3);
    const features = await deltas(first, TEXTS);
    await first.close();
    sessions.mockClear();
    const again = await load(known(), { cacheDir });
    expect(sessions).toHaveBeenCalledTimes(1);
    expect(again.info).toEqual(first.info);
    expect(await deltas(again, TEXTS)).toEqual(features);
  });

  it('tries another model, another pooling, and one whose findings are damaged', async () => {
    await (await load(known(), { cacheDir })).close();
    const sessions = vi.spyOn(Session, 'load');
    await load(known({ modelSha256: 'b'.repeat(64) }), { cacheDir });
    await load(known({ pooling: 'mean' }), { cacheDir });
    expect(sessions).toHaveBeenCalledTimes(6);
    for (const name of await readdir(join(cacheDir, 'imports')))
      await writeFile(join(cacheDir, 'imports', name), '{"dims": 16, "boun');
    sessions.mockClear();
    await load(known(), { cacheDir });
    expect(sessions).toHaveBeenCalledTimes(3);
  });

  it('says again what was found slow', async () => {
    const mixing = encoderOf(bert('plain'), { modelSha256: 'c'.repeat(64) });
    await (await load(mixing, { cacheDir })).close();
    const [name] = await readdir(join(cacheDir, 'imports')).then((names) => names);
    for (const each of await readdir(join(cacheDir, 'imports'))) {
      const path = join(cacheDir, 'imports', each);
      const text = await readFile(path, 'utf8').catch(() => '');
      if (!text.startsWith('{\n')) continue;
      await writeFile(path, JSON.stringify({ ...(JSON.parse(text) as object), sliced: false, unsliced: 'tokens mix' }));
    }
    expect(name).toMatch(/^[0-9a-f]{64}\.json$/);
    const lines: string[] = [];
    const log = { info: () => undefined, debug: () => undefined, warn: (line: string) => lines.push(line) };
    const engine = await load(mixing, { cacheDir, log });
    expect(engine.info.sliced).toBe(false);
    expect(lines).toEqual([expect.stringContaining('tokens mix); computing every token, which is slower')]);
  });

  it('shares sessions while another engine of it is open, and closes them with the last', async () => {
    const released = vi.spyOn(Session.prototype, 'release');
    const [a, b] = [await load(known(), { cacheDir }), await load(known(), { cacheDir })];
    const sessions = vi.spyOn(Session, 'load');
    const features = await deltas(a, TEXTS);
    expect(await deltas(b, TEXTS)).toEqual(features);
    expect(sessions).toHaveBeenCalledTimes(1); // one tail for both
    released.mockClear();
    await a.close();
    expect(released).not.toHaveBeenCalled();
    expect(await deltas(b, TEXTS)).toEqual(features);
    await b.close();
    expect(released).toHaveBeenCalledTimes(2);
    const c = await load(known(), { cacheDir });
    expect(await deltas(c, TEXTS)).toEqual(features);
  });
});
