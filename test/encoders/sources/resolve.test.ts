import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/core/log.js';
import { modelDigest } from '../../../src/encoders/digests.js';
import { listModels, modelPath, pullModel } from '../../../src/encoders/registry.js';
import { isModelId, isPath } from '../../../src/encoders/sources/model-id.js';
import type { SourceOptions } from '../../../src/encoders/sources/options.js';
import { findLocalModel, resolveModel } from '../../../src/encoders/sources/resolve.js';
import { Session } from '../../../src/runtime/session.js';
import { graphOver, onnxFile } from '../onnx-file.js';
import { tinyModel, writeFiles, type Files } from '../tiny-model.js';
import { HubServer } from './hub-server.js';

const MINILM = 'sentence-transformers/all-MiniLM-L6-v2';
let hub: HubServer;
let scratch: string;
let options: SourceOptions;
let pipCalls: number;
beforeEach(async () => {
  hub = await HubServer.start();
  scratch = await mkdtemp(join(tmpdir(), 'resolve-'));
  pipCalls = 0;
  options = {
    cacheDir: join(scratch, 'cache'),
    hubCacheDir: join(scratch, 'hf'),
    hubEndpoint: hub.endpoint,
    hubToken: undefined,
    offline: false,
    python: 'python3',
    timeoutMs: 2000,
    effects: {
      sleep: () => Promise.resolve(),
      run: () => {
        pipCalls += 1;
        return Promise.resolve({ exitCode: 1, stdout: '', stderr: 'ERROR: no index here' });
      },
    },
  };
});
afterEach(async () => {
  await hub.stop();
  await rm(scratch, { recursive: true });
});

/** The blobs-and-links layout of huggingface_hub. */
async function hubCache(
  id: string,
  files: Readonly<Record<string, Buffer | string>>,
  revision = 'rev1',
): Promise<string> {
  const repository = join(options.hubCacheDir, `models--${id.replaceAll('/', '--')}`);
  for (const [i, [name, data]] of Object.entries(files).entries()) {
    await writeFiles(join(repository, 'blobs'), { [`blob${i}`]: data });
    const path = join(repository, 'snapshots', revision, name);
    await mkdir(dirname(path), { recursive: true });
    await symlink(join(repository, 'blobs', `blob${i}`), path);
  }
  return repository;
}

describe('the order of places', () => {
  it('is folder, cache, Hugging Face cache, hub', async () => {
    const [ofHub, ofOtherCache, mine] = ['from the hub', 'from the other cache', 'mine'].map((bytes) =>
      onnxFile(bytes),
    );
    hub.add('org/tiny', { 'onnx/model.onnx': ofHub! });
    const fetched = await resolveModel('org/tiny', options);
    expect(fetched).toMatchObject({ id: 'org/tiny', source: 'hub', licence: 'mit', bytes: ofHub!.length });
    expect(fetched.folder).toBe(join(options.cacheDir, 'models', 'org--tiny'));

    await hubCache('org/tiny', { 'onnx/model.onnx': ofOtherCache!, 'vocab.txt': '' });
    expect(await resolveModel('org/tiny', options)).toMatchObject({ source: 'cache', bytes: ofHub!.length });
    await rm(fetched.folder, { recursive: true });
    expect(await resolveModel('org/tiny', options)).toMatchObject({ source: 'cache', bytes: ofOtherCache!.length });

    const folder = await writeFiles(join(scratch, 'mine'), { 'model.onnx': mine! });
    expect(await resolveModel(folder, options)).toMatchObject({ id: folder, source: 'folder', bytes: mine!.length });
  });

  it('ends with the package index, for the models it has', async () => {
    await expect(resolveModel('minilm', options)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/no index here.*answered 404/s) as string,
      hint: expect.stringMatching(/--encoder builtin\.$/) as string,
    });
    expect(pipCalls).toBe(1);
    hub.add(MINILM, { 'onnx/model.onnx': onnxFile() });
    expect(await resolveModel('minilm', options)).toMatchObject({ id: MINILM, source: 'hub' });
    expect(pipCalls).toBe(1);
  });

  it('names every place it looked in', async () => {
    const folder = await writeFiles(join(options.cacheDir, 'models', 'org--tiny'), { 'config.json': '{}' });
    await expect(resolveModel('org/tiny', options)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const error: unknown = await resolveModel('org/tiny', { ...options, offline: true }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      hint: expect.stringMatching(/`fungi models pull org\/tiny`.*--encoder builtin\.$/) as string,
    });
    for (const place of [
      join(process.cwd(), 'org/tiny'),
      `${folder} (holds no onnx/encoder_model.onnx`,
      options.hubCacheDir,
      hub.endpoint,
      'offline',
    ]) {
      expect((error as Error).message).toContain(place);
    }
  });

  it('asks nobody when offline, or when the name can only be a path', async () => {
    await expect(resolveModel('minilm', { ...options, offline: true })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    for (const path of [join(scratch, 'none'), './none', '../none', '~/none-such', 'a/b/c', 'two words', '..']) {
      await expect(resolveModel(path, options)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    }
    expect([hub.seen, pipCalls]).toEqual([[], 0]);
  });

  it('does not fall back when the model is there but cannot be used', async () => {
    hub.add(MINILM, { 'config.json': '{"model_type":"t5"}', 'model.safetensors': 'x' });
    await expect(resolveModel('minilm', options)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    expect(pipCalls).toBe(0);
  });

  it.each([['', {}], ['minilm', { file: '../x.onnx' }], ['minilm', { file: '/x.onnx' }]])('refuses %j with %j', async (id, more) => {
    await expect(resolveModel(id, { ...options, ...more })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }); // prettier-ignore

  it('tells a full or forbidden disk from a missing model', async () => {
    hub.add('org/tiny', { 'onnx/model.onnx': onnxFile() });
    await writeFile(join(scratch, 'file'), '');
    await expect(resolveModel('org/tiny', { ...options, cacheDir: join(scratch, 'file') })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringContaining('FUNGI_CACHE') as string,
    });
  });
});

describe('a folder', () => {
  it('prefers an export to safetensors, and takes the file asked for', async () => {
    const files = { 'onnx/model.onnx': onnxFile('a'), 'onnx/model_int8.onnx': onnxFile('b'), ...(await tinyModel()) };
    const folder = await writeFiles(join(scratch, 'm'), files);
    expect((await resolveModel(folder, options)).modelPath).toBe(join(folder, 'onnx/model.onnx'));
    const other = await resolveModel(folder, { ...options, file: 'onnx/model_int8.onnx' });
    expect(other.modelPath).toBe(join(folder, 'onnx/model_int8.onnx'));
    await expect(resolveModel(folder, { ...options, file: 'onnx/none.onnx' })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('holds no onnx/none.onnx') as string,
    });
  });

  it('of safetensors becomes a graph, and says its licence', async () => {
    const folder = await writeFiles(join(scratch, 'm'), await tinyModel());
    const model = await resolveModel(folder, options);
    expect(model.weightFiles.map((path) => basename(path))).toEqual([
      'model.from-safetensors.onnx',
      'model.safetensors',
    ]);
    expect(model.licence).toBe('apache-2.0');
  });

  it('holds external data beside the graph, under any name', async () => {
    const graph = graphOver(['weights.bin', 'model.onnx_data']);
    const files = { 'model.onnx': graph, 'weights.bin': 'bb', 'model.onnx_data': 'ccc', 'model.onnx_data_1': 'no' };
    const folder = await writeFiles(join(scratch, 'm'), files);
    expect(await resolveModel(folder, options)).toMatchObject({
      bytes: graph.length + 5,
      weightFiles: ['model.onnx', 'model.onnx_data', 'weights.bin'].map((name) => join(folder, name)),
    });
  });

  it('holds the same files, whether the graph names its data with "./" or without', async () => {
    const locate = async (name: string, location: string) => {
      const folder = await writeFiles(join(scratch, name), { 'model.onnx': graphOver([location]), 'w.bin': 'aa' });
      const { weightFiles } = await resolveModel(folder, options);
      return weightFiles.map((path) => path.slice(folder.length + 1));
    };
    expect(await locate('dotted', './w.bin')).toEqual(['model.onnx', 'w.bin']);
    expect(await locate('plain', 'w.bin')).toEqual(['model.onnx', 'w.bin']);
  });

  it('has another digest when external data change, whatever they are called', async () => {
    const folder = await writeFiles(join(scratch, 'm'), {
      'model.onnx': graphOver(['weights.bin']),
      'weights.bin': 'aa',
    });
    const digest = async () => modelDigest((await resolveModel(folder, options)).weightFiles, options.cacheDir);
    const before = await digest();
    await writeFiles(folder, { 'weights.bin': 'ab!' });
    expect(await digest()).not.toBe(before);
  });

  it('without the data that its graph names is damaged', async () => {
    const folder = await writeFiles(join(scratch, 'm'), { 'model.onnx': graphOver(['weights.bin']) });
    await expect(resolveModel(folder, options)).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: expect.stringContaining(`in weights.bin, which is missing from ${folder}`) as string,
    });
  });

  it('is refused when its graph reaches out of it', async () => {
    await writeFiles(scratch, { 'secret.bin': 'x' });
    const folder = await writeFiles(join(scratch, 'm'), { 'model.onnx': graphOver(['../secret.bin']) });
    await expect(resolveModel(folder, options)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it('with an empty model file is damaged', async () => {
    const folder = await writeFiles(join(scratch, 'm'), { 'onnx/model.onnx': '' });
    await expect(resolveModel(folder, options)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });
});

describe('the Hugging Face cache', () => {
  it('is read at the revision that main names', async () => {
    const repository = await hubCache('org/tiny', { 'onnx/model.onnx': onnxFile('old'), 'vocab.txt': '' }, 'r1');
    await hubCache('org/tiny', { 'onnx/model.onnx': onnxFile('newer') }, 'r2').catch(() => undefined);
    await writeFiles(repository, { 'refs/main': 'r1' });
    const model = await findLocalModel('org/tiny', options);
    expect(model?.folder).toBe(join(repository, 'snapshots', 'r1'));
    expect(dirname(model!.modelPath)).toBe(join(repository, 'blobs'));
  });

  it('finds a model under its short name too', async () => {
    await hubCache('bert-base-uncased', { 'onnx/model.onnx': onnxFile(), 'tokenizer.json': '{}' });
    expect(await findLocalModel('bert-base-uncased', options)).toMatchObject({ source: 'cache' });
  });

  it('works with weights outside the graph, which are links there', async () => {
    await hubCache('org/tiny', await tinyModel());
    const converted = (await findLocalModel('org/tiny', options))!;
    const session = await Session.load(await readFile(converted.modelPath), 'tiny', {
      folder: dirname(converted.modelPath),
    });
    await session.release();

    await hubCache('org/two', {
      'onnx/model.onnx': graphOver(['weights.bin']),
      'onnx/weights.bin': 'data',
      'vocab.txt': '',
    });
    const two = (await findLocalModel('org/two', options))!;
    expect(two.weightFiles.map((path) => basename(path))).toEqual(['model.onnx', 'weights.bin']);
    expect(dirname(two.modelPath).startsWith(options.cacheDir)).toBe(true);
    expect(await readFile(two.weightFiles[1]!, 'utf8')).toBe('data');
  });
});

describe('a copy in the Hugging Face cache that cannot be used', () => {
  const halfPrecision = () => {
    const entry = { dtype: 'F16', shape: [1], data_offsets: [0, 2] };
    const header = JSON.stringify({ 'embeddings.word_embeddings.weight': entry });
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    return Buffer.concat([length, Buffer.from(header), Buffer.alloc(2)]);
  };
  const copies: [string, (files: Files) => Record<string, Buffer | string | undefined>, string][] = [
    ['another architecture', () => ({ 'config.json': '{"model_type":"roberta"}' }), 'MODEL_UNSUPPORTED'],
    ['half precision', () => ({ 'model.safetensors': halfPrecision() }), 'MODEL_UNSUPPORTED'],
    ['no tokenizer', () => ({ 'vocab.txt': undefined }), 'TOKENIZER_INVALID'],
    ['no config', () => ({ 'config.json': undefined }), 'MODEL_CORRUPT'],
  ];
  const cached = async (changes: (typeof copies)[number][1]) => {
    const files = await tinyModel();
    const changed = Object.entries({ ...files, ...changes(files) }).filter(([, data]) => data !== undefined);
    await hubCache('org/tiny', Object.fromEntries(changed) as Files);
  };

  it.each(copies)('with %s gives way to what the hub has', async (_, changes) => {
    await cached(changes);
    hub.add('org/tiny', { 'onnx/model.onnx': onnxFile(), 'vocab.txt': '' });
    const told: string[] = [];
    const log = { ...silentLogger, info: (line: string) => void told.push(line) };
    expect(await resolveModel('org/tiny', { ...options, log })).toMatchObject({ source: 'hub' });
    expect(told.join()).toContain('passing over this copy of org/tiny');
  });

  it.each(copies)('with %s is named when there is no other', async (_, changes, code) => {
    await cached(changes);
    const snapshot = join(options.hubCacheDir, 'models--org--tiny', 'snapshots', 'rev1');
    const missing = resolveModel('org/tiny', options);
    await expect(missing).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(missing).rejects.toThrow(`Hugging Face cache ${snapshot} (cannot be used: ${snapshot}`);
    const named = { code, message: expect.stringContaining(snapshot) as string };
    await expect(findLocalModel('org/tiny', options)).rejects.toMatchObject(named);
    await expect(resolveModel('org/tiny', { ...options, offline: true })).rejects.toMatchObject(named);
  });

  it('is not passed over when it is the folder that was named', async () => {
    const folder = await writeFiles(join(scratch, 'm'), {
      ...(await tinyModel()),
      'model.safetensors': halfPrecision(),
    });
    hub.add('org/tiny', { 'onnx/model.onnx': onnxFile() });
    await expect(resolveModel(folder, options)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });
});

describe('two at once', () => {
  it('fetch once', async () => {
    hub.add('org/tiny', { 'onnx/model.onnx': onnxFile() });
    const effects = { ...options.effects, sleep: () => new Promise<void>((done) => setTimeout(done, 5)) };
    const found = await Promise.all([1, 2, 3].map(() => resolveModel('org/tiny', { ...options, effects })));
    expect(found.map(({ source }) => source).sort()).toEqual(['cache', 'cache', 'hub']);
    expect(hub.downloads).toHaveLength(1);
  });
});

describe('the registry', () => {
  it('lists what is here, what is known, and what is damaged', async () => {
    await writeFiles(join(options.cacheDir, 'models', 'org--bad'), { 'model.onnx': '' });
    hub.add('org/tiny', { ...(await tinyModel()) });
    const pulled = await pullModel('org/tiny', options);
    expect(pulled).toMatchObject({ id: 'org/tiny', source: 'hub', pooling: 'mean', licence: 'mit' });
    expect(pulled.sha256).toMatch(/^[0-9a-f]{64}$/);

    const [builtin, ...list] = await listModels(options);
    expect(builtin).toMatchObject({ id: 'builtin', source: 'builtin' });
    expect(list.map(({ id }) => id)).toEqual(['google-bert/bert-base-uncased', 'org/bad', 'org/tiny', MINILM]);
    expect(list[0]).toMatchObject({ folder: undefined, source: 'hub', licence: 'Apache-2.0', sha256: undefined });
    expect(list[1]!.problem).toContain('the file is empty');
    expect(list[2]).toEqual({ ...pulled, source: 'cache' });
    expect(list[3]).toMatchObject({ folder: undefined, source: 'package', aliases: ['all-MiniLM-L6-v2', 'minilm'] });
  });

  it('gives the path of a model that is here, and fetches none', async () => {
    hub.add('org/tiny', { 'onnx/model.onnx': onnxFile() });
    await expect(modelPath('org/tiny', options)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(hub.seen).toEqual([]);
    await pullModel('org/tiny', options);
    expect(await modelPath('org/tiny', options)).toEqual({
      id: 'org/tiny',
      folder: join(options.cacheDir, 'models', 'org--tiny'),
    });
  });
});

describe('names', () => {
  it.each(['minilm', 'org/name', 'BAAI/bge-small-en-v1.5', 'a_b/c.d'])('%s is an id', (id) => {
    expect([isModelId(id), isPath(id)]).toEqual([true, false]);
  });
  it.each([
    './a',
    '../a',
    '/a',
    '~/a',
    '~',
    '.',
    '..',
    'C:\\a',
    'a\\b',
    'a/b/c',
    'a--b',
    'a..b',
    '',
    'a b',
    '-a',
    'a/',
  ])('%j is a path', (id) => {
    expect([isModelId(id), isPath(id)]).toEqual([false, true]);
  });
});
