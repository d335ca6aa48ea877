import { access, mkdtemp, readFile, readdir, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Progress } from '../../../src/core/progress.js';
import { pullHub } from '../../../src/encoders/sources/hub.js';
import type { SourceOptions } from '../../../src/encoders/sources/options.js';
import { graphOver, onnxFile } from '../onnx-file.js';
import { HubServer, breakAfter, silence, status } from './hub-server.js';

const ID = 'org/tiny';
const WEIGHTS = onnxFile(randomBytes(99_975));
const SMALL = { 'config.json': '{"model_type":"bert"}', 'tokenizer.json': '{}' };

let hub: HubServer;
let scratch: string;
let target: string;
let slept: number[];
let progress: Progress[];
let options: SourceOptions;
beforeEach(async () => {
  hub = await HubServer.start();
  scratch = await mkdtemp(join(tmpdir(), 'hub-'));
  target = join(scratch, 'models', 'org--tiny');
  [slept, progress] = [[], []];
  options = {
    cacheDir: scratch,
    hubCacheDir: join(scratch, 'none'),
    hubEndpoint: hub.endpoint,
    hubToken: undefined,
    offline: false,
    python: 'python3',
    timeoutMs: 2000,
    onProgress: (step) => progress.push(step),
    effects: {
      sleep: (ms) => {
        slept.push(ms);
        return Promise.resolve();
      },
    },
  };
});
afterEach(async () => {
  await hub.stop();
  await rm(scratch, { recursive: true });
});

const pull = (changes: Partial<SourceOptions> = {}) => pullHub(ID, target, { ...options, ...changes });
const staging = () => join(scratch, 'downloads', 'org--tiny', 'a'.repeat(40));
const installed = (name: string) => readFile(join(target, name));

describe('pulling', () => {
  it('fetches what an encoder needs, no more, and installs it in one piece', async () => {
    hub.add(ID, {
      ...SMALL,
      'onnx/model.onnx': WEIGHTS,
      'onnx/model_quantized.onnx': 'no',
      'model.safetensors': 'no',
      'pytorch_model.bin': 'no',
      '1_Pooling/config.json': '{}',
    });
    await pull();
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
    expect((await readdir(target, { recursive: true })).sort()).toEqual(
      ['1_Pooling', '1_Pooling/config.json', 'config.json', 'fungi-origin.json', 'onnx', 'onnx/model.onnx', 'tokenizer.json'], // prettier-ignore
    );
    expect(JSON.parse((await installed('fungi-origin.json')).toString())).toEqual({
      id: ID,
      source: 'hub',
      from: `${hub.endpoint}/${ID}`,
      revision: 'a'.repeat(40),
      licence: 'mit',
    });
    expect(await readdir(join(scratch, 'downloads'))).toEqual([]);
    const last = progress.filter(({ stage }) => stage === 'download onnx/model.onnx').at(-1);
    expect(last).toEqual({ stage: 'download onnx/model.onnx', done: 100_000, total: 100_000, unit: 'bytes' });
  });

  it('takes the file that was asked for', async () => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': 'no', 'onnx/model_fp16.onnx': WEIGHTS });
    await pull({ file: 'onnx/model_fp16.onnx' });
    expect(await readdir(join(target, 'onnx'))).toEqual(['model_fp16.onnx']);
  });

  it.each([
    [['onnx/model.onnx', 'model.onnx', 'model.safetensors'], 'onnx/model.onnx'],
    [['model.onnx', 'model.safetensors'], 'model.onnx'],
    [['model.safetensors'], 'model.safetensors'],
  ])('of %j takes %s, as a folder of these files is used', async (names, expected) => {
    hub.add(ID, { ...SMALL, ...Object.fromEntries(names.map((name) => [name, WEIGHTS])) });
    await pull();
    expect(await installed(expected)).toEqual(WEIGHTS);
    for (const name of names.filter((other) => other !== expected)) await expect(installed(name)).rejects.toThrow();
  });

  it('takes the files that hold the weights of the graph, whatever they are called', async () => {
    hub.add(ID, {
      ...SMALL,
      'onnx/model.onnx': graphOver(['weights.bin', './model.onnx_data']),
      'onnx/weights.bin': WEIGHTS,
      'onnx/model.onnx_data': 'data',
      'onnx/model.onnx_data_of_another': 'no',
      'weights.bin': 'no',
    });
    await pull();
    expect((await readdir(join(target, 'onnx'))).sort()).toEqual(['model.onnx', 'model.onnx_data', 'weights.bin']);
    expect(await installed('onnx/weights.bin')).toEqual(WEIGHTS);
  });

  it('refuses a graph whose weights the repository lacks, before anything is installed', async () => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': graphOver(['weights.bin']), 'weights.bin': 'elsewhere' });
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: expect.stringContaining('has no onnx/weights.bin') as string,
    });
    await expect(access(target)).rejects.toThrow();
  });

  it('sees that safetensors cannot be converted before it fetches them', async () => {
    hub.add(ID, { 'config.json': '{"model_type":"roberta"}', 'model.safetensors': WEIGHTS });
    await expect(pull()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    expect(hub.downloads.map(({ url }) => url)).toEqual([`/${ID}/resolve/${'a'.repeat(40)}/config.json`]);
  });

  it('names the graphs there are when none is the usual one', async () => {
    hub.add(ID, { ...SMALL, 'onnx/decoder.onnx': 'x' });
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      hint: expect.stringContaining('onnx/decoder.onnx') as string,
    });
  });

  const pooling = 'sentence_transformers.models.Pooling';
  it.each<[string, string | undefined, string[]]>([
    ['where it usually is, without modules.json', undefined, ['1_Pooling/config.json']],
    ['where modules.json says', JSON.stringify([{ path: '2_Pool/deep', type: pooling }]), ['2_Pool/deep/config.json']],
    ['in the root, which is there anyway', JSON.stringify([{ path: '', type: pooling }]), []],
    ['nowhere outside', JSON.stringify([{ path: '../../outside', type: pooling }]), []],
  ])('brings the pooling settings: %s', async (_, modules, expected) => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': WEIGHTS, ...(modules !== undefined && { 'modules.json': modules }) });
    hub.add(ID, { '1_Pooling/config.json': '{}', '2_Pool/deep/config.json': '{}' });
    hub.forged = ['../../outside/config.json', 'outside/config.json'];
    await pull();
    const installedFiles = await readdir(target, { recursive: true });
    expect(installedFiles.filter((name) => name.endsWith('/config.json'))).toEqual(expected);
  });

  it('says that modules.json is damaged before the big download', async () => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': WEIGHTS, 'modules.json': '{' });
    await expect(pull()).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(hub.downloads.some(({ url }) => url.endsWith('.onnx'))).toBe(false);
  });

  it('adds to a folder that is there already', async () => {
    await mkdir(join(target, 'onnx'), { recursive: true });
    await writeFile(join(target, 'onnx', 'model_fp16.onnx'), 'kept');
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': WEIGHTS });
    await pull();
    expect((await readdir(join(target, 'onnx'))).sort()).toEqual(['model.onnx', 'model_fp16.onnx']);
  });
});

describe('a hub that lies', () => {
  beforeEach(() => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': WEIGHTS });
    hub.revision = 'main';
  });

  it.each([
    '../../../../x',
    '',
    '..',
    '.',
    'main',
    'A'.repeat(40),
    'a'.repeat(39),
    `${'a'.repeat(40)}/..`,
    7,
    null,
    undefined,
  ])('cannot choose what is deleted or where files go with the commit %j', async (sha) => {
    const cacheDir = join(scratch, 'home', 'cache');
    const mine = ['home/mine', 'home/cache/downloads/org--other/x.partial', 'home/cache/models/x'];
    for (const name of mine) {
      await mkdir(join(scratch, name, '..'), { recursive: true });
      await writeFile(join(scratch, name), 'mine');
    }
    hub.listing = { sha };
    await pull({ cacheDir });
    for (const name of mine) expect(await readFile(join(scratch, name), 'utf8')).toBe('mine');
    expect(await readdir(join(cacheDir, 'downloads'))).toEqual(['org--other']);
    const origin = JSON.parse((await installed('fungi-origin.json')).toString()) as object;
    expect(origin).not.toHaveProperty('revision');
    expect(hub.downloads.every(({ url }) => url.startsWith(`/${ID}/resolve/main/`))).toBe(true);
  });
});

describe('names that lead out of the folder', () => {
  const evil = [
    'onnx/model.onnx_data/../../../../.bashrc',
    'onnx/model.onnx_data_/../../.bashrc',
    '../.bashrc',
    '/.bashrc',
    'onnx/./model.onnx_data',
    'onnx//model.onnx_data',
    'onnx\\..\\.bashrc',
    '.',
    '',
  ];

  it('are not fetched when the hub lists them', async () => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': WEIGHTS });
    hub.forged = evil;
    await pull({ cacheDir: join(scratch, 'home', 'cache') });
    expect(hub.downloads.map(({ url }) => url.split('/').slice(5).join('/')).sort()).toEqual(
      ['config.json', 'onnx/model.onnx', 'tokenizer.json'], // prettier-ignore
    );
    expect(await readdir(join(scratch, 'home'))).toEqual(['cache']);
  });

  it.each(['../.bashrc', 'model.onnx_data/../../.bashrc', '/.bashrc', 'sub/weights.bin', './../.bashrc', '.', ''])(
    'are refused when a graph asks for %j',
    async (location) => {
      hub.add(ID, { ...SMALL, 'onnx/model.onnx': graphOver([location]) });
      hub.forged = [`onnx/${location}`, posix.join('onnx', location)];
      await expect(pull()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
      expect(hub.downloads.map(({ url }) => url).filter((url) => !/\.(json|onnx)$/.test(url))).toEqual([]);
      await expect(access(target)).rejects.toThrow();
    },
  );
});

describe('tokens and redirects', () => {
  beforeEach(() => {
    hub.add(ID, { ...SMALL, 'onnx/model.onnx': WEIGHTS });
  });

  it('shows the token to the hub, and never to the storage it redirects to', async () => {
    hub.redirect = true;
    await pull({ hubToken: 'secret' });
    const [home, away] = [true, false].map((atHome) => hub.seen.filter(({ url }) => url.includes('%2F') !== atHome));
    expect(home!.length).toBeGreaterThan(3);
    expect(home!.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
    expect(away!.length).toBe(3);
    expect(away!.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('checks the digest that the redirect states', async () => {
    hub.redirect = true;
    hub.statedDigest = 'e'.repeat(64);
    await expect(pull()).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('arrived damaged') as string,
    });
    await expect(access(target)).rejects.toThrow();
  });

  it.each<[number, string | undefined, RegExp, RegExp]>([
    [401, undefined, /private or gated/, /HF_TOKEN/],
    [401, 'wrong', /token is not accepted/, /HF_TOKEN is valid/],
    [403, 'mine', /access is not granted/, /terms/],
    [404, undefined, /does not exist/, /organisation\/name/],
  ])('explains %i', async (code, hubToken, message, hint) => {
    hub.refuse = code;
    await expect(pull({ hubToken })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
    expect(slept).toEqual([]);
  });

  it('refuses an endpoint that is no address', async () => {
    await expect(pull({ hubEndpoint: 'huggingface.co' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('"huggingface.co"') as string,
    });
  });

  it('does not take a login page for a hub', async () => {
    const page = () => Promise.resolve(new Response('<html>Please sign in</html>'));
    await expect(pull({ effects: { fetch: page } })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining("not a hub's listing") as string,
    });
  });

  it('gives up at once on a hub that cannot be reached', async () => {
    const gone = await HubServer.start();
    const hubEndpoint = gone.endpoint;
    await gone.stop();
    await expect(pull({ hubEndpoint })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('cannot be reached') as string,
      hint: expect.stringContaining('HF_ENDPOINT') as string,
    });
    expect(slept).toEqual([]);
  });
});

describe('a bad connection', () => {
  beforeEach(() => {
    hub.add(ID, { 'onnx/model.onnx': WEIGHTS });
  });
  const half = WEIGHTS.subarray(0, 40_000);

  it('goes on from where it broke off', async () => {
    hub.faults.push(breakAfter(half, WEIGHTS.length));
    await pull();
    expect(hub.downloads.map(({ range }) => range)).toEqual([undefined, 'bytes=40000-']);
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
    expect(slept).toEqual([500]);
  });

  it('goes on in the next call, when all tries of one failed', async () => {
    hub.faults.push(breakAfter(half, WEIGHTS.length), ...Array.from({ length: 4 }, () => status(503)));
    await expect(pull()).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('40000 bytes are kept') as string,
    });
    expect(slept).toEqual([500, 1000, 2000, 4000]);
    await expect(access(target)).rejects.toThrow();
    await pull();
    expect(hub.downloads.at(-1)?.range).toBe('bytes=40000-');
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
  });

  it('starts over when the server does not know ranges', async () => {
    hub.ranges = false;
    hub.faults.push(breakAfter(half, WEIGHTS.length));
    await pull();
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
  });

  it('starts over when what it has is not the beginning of the file', async () => {
    await mkdir(join(staging(), 'onnx'), { recursive: true });
    const partial = join(staging(), 'onnx', 'model.onnx.partial');
    await writeFile(partial, randomBytes(40_000));
    await pull();
    expect(hub.downloads.map(({ range }) => range)).toEqual(['bytes=40000-', undefined]);
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
  });

  it('starts over when what it has is longer than the file', async () => {
    await mkdir(join(staging(), 'onnx'), { recursive: true });
    await writeFile(join(staging(), 'onnx', 'model.onnx.partial'), randomBytes(200_000));
    await pull();
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
  });

  describe('that ended while the whole file was being checked', () => {
    const leave = async (content: Uint8Array) => {
      await mkdir(join(staging(), 'onnx'), { recursive: true });
      await writeFile(join(staging(), 'onnx', 'model.onnx.partial'), content);
    };

    it('needs no request when the listing describes the file', async () => {
      hub.describes = true;
      await leave(WEIGHTS);
      await pull();
      expect(hub.downloads).toEqual([]);
      expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
      expect(slept).toEqual([]);
    });

    it.each([true, false])('fetches nothing again when the hub describes it (redirect: %s)', async (redirect) => {
      hub.redirect = redirect;
      await leave(WEIGHTS);
      await pull();
      expect(hub.downloads.every(({ range }) => range === `bytes=${WEIGHTS.length}-`)).toBe(true);
      expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
      expect(slept).toEqual([]);
    });

    it.each([true, false])('starts over when it is not the file (described: %s)', async (describes) => {
      hub.describes = describes;
      await leave(randomBytes(WEIGHTS.length));
      await pull();
      expect(hub.downloads.at(-1)?.range).toBeUndefined();
      expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
      expect(slept).toHaveLength(1);
    });
  });

  it('waits as long as a busy server asks, within reason', async () => {
    hub.faults.push(status(429, { 'retry-after': '7' }), status(500), status(503, { 'retry-after': '3600' }));
    await pull();
    expect(slept).toEqual([7000, 1000, 30_000]);
  });

  it('notices silence', async () => {
    hub.faults.push(silence);
    await pull({ timeoutMs: 150 });
    expect(slept).toEqual([500]);
    expect(await installed('onnx/model.onnx')).toEqual(WEIGHTS);
  });

  it('does not repeat what no retry can mend', async () => {
    hub.faults.push(status(410));
    await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(slept).toEqual([]);
  });

  it("passes on the caller's own errors from onProgress", async () => {
    const stop = () => {
      throw new RangeError('stop');
    };
    await expect(pull({ onProgress: stop })).rejects.toThrow(RangeError);
    expect(slept).toEqual([]);
  });

  it('ends a circle of redirects', async () => {
    const circle = () => Promise.resolve(new Response(null, { status: 302, headers: { location: '/again' } }));
    await expect(pull({ effects: { fetch: circle } })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('redirects') as string,
    });
  });
});
