/** Which of several exports is taken, of a folder and of a hub: the encoder of two halves, and what a quantised file was made of. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/core/config.js';
import type { SourceOptions } from '../../../src/encoders/sources/options.js';
import { resolveModel } from '../../../src/encoders/sources/resolve.js';
import { loadTextEncoder } from '../../../src/encoders/text-encoder.js';
import { graphOver, onnxFile, quantisedOver } from '../onnx-file.js';
import { tinyModel, writeFiles, type Files } from '../tiny-model.js';
import { HubServer } from './hub-server.js';

const ID = 'org/tiny';
const QUANTISED = 'onnx/model_quantized.onnx';
const SMALL = { 'config.json': '{"model_type":"bert"}', 'tokenizer.json': '{}' };

let hub: HubServer;
let scratch: string;
let options: SourceOptions;
beforeEach(async () => {
  hub = await HubServer.start();
  scratch = await mkdtemp(join(tmpdir(), 'exports-'));
  options = {
    ...readConfig({}),
    cacheDir: join(scratch, 'cache'),
    hubCacheDir: join(scratch, 'none'),
    hubEndpoint: hub.endpoint,
    timeoutMs: 2000,
  };
});
afterEach(async () => {
  await hub.stop();
  await rm(scratch, { recursive: true });
});

/** The ONNX files and their data that are taken of these, out of a folder and out of a hub. */
async function taken(files: Files, file?: string) {
  const folder = await writeFiles(await mkdtemp(join(scratch, 'model-')), files);
  hub.add(ID, { ...SMALL, ...files });
  const local = await resolveModel(folder, { ...options, file });
  const remote = await resolveModel(ID, { ...options, file });
  const within = (root: string, paths: readonly string[] | undefined) =>
    paths?.map((path) => path.slice(root.length + 1));
  expect(within(remote.folder, remote.weightFiles)).toEqual(within(folder, local.weightFiles));
  expect(within(remote.folder, remote.unquantised)).toEqual(within(folder, local.unquantised));
  const fetched = hub.downloads.map(({ url }) => url.split('/').slice(5).join('/'));
  return {
    weights: within(folder, local.weightFiles),
    unquantised: within(folder, local.unquantised),
    fetched: fetched.filter((name) => !(name in SMALL)).sort(),
  };
}

describe('of an encoder and a decoder', () => {
  it.each([
    [['onnx/encoder_model.onnx', 'onnx/decoder_model.onnx', 'onnx/decoder_with_past_model.onnx']],
    [['onnx/encoder_model.onnx', 'onnx/decoder_model.onnx', 'onnx/model.onnx', 'model.safetensors']],
    [['encoder_model.onnx', 'decoder_model.onnx', 'model.onnx']],
  ])('among %j the encoder is taken, and nothing else is fetched', async ([...names]) => {
    const [encoder] = names;
    const files = Object.fromEntries(names.map((name) => [name, onnxFile(name)]));
    expect(await taken(files)).toEqual({ weights: [encoder], unquantised: undefined, fetched: [encoder] });
  });

  it('the unquantised encoder goes with the quantised one', async () => {
    const file = 'onnx/encoder_model_quantized.onnx';
    const names = ['onnx/encoder_model.onnx', 'onnx/decoder_model.onnx', 'onnx/model.onnx'];
    const files = Object.fromEntries(names.map((name) => [name, onnxFile(name)]));
    const { unquantised, fetched } = await taken({ ...files, [file]: quantisedOver() }, file);
    expect(unquantised).toEqual(['onnx/encoder_model.onnx']);
    expect(fetched).toEqual(['onnx/encoder_model.onnx', file]);
  });
});

describe('a quantised file that is asked for', () => {
  it('comes with the export that it was made of, and with the data of both', async () => {
    const files = {
      [QUANTISED]: quantisedOver(['model_quantized.onnx_data']),
      'onnx/model_quantized.onnx_data': 'q',
      'onnx/model.onnx': graphOver(['model.onnx_data', 'more.bin']),
      'onnx/model.onnx_data': 'd',
      'onnx/more.bin': 'm',
      'onnx/model_fp16.onnx': onnxFile('no'),
    };
    const unquantised = ['onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/more.bin'];
    const weights = [QUANTISED, 'onnx/model_quantized.onnx_data'];
    expect(await taken(files, QUANTISED)).toEqual({
      weights,
      unquantised,
      fetched: [...unquantised, ...weights].sort(),
    });
  });

  it('comes alone where there is no other', async () => {
    const found = await taken({ [QUANTISED]: quantisedOver() }, QUANTISED);
    expect(found).toEqual({ weights: [QUANTISED], unquantised: undefined, fetched: [QUANTISED] });
  });

  it('is refused beside an export whose data are not there', async () => {
    hub.add(ID, { ...SMALL, [QUANTISED]: quantisedOver(), 'onnx/model.onnx': graphOver(['model.onnx_data']) });
    await expect(resolveModel(ID, { ...options, file: QUANTISED })).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: expect.stringContaining('no onnx/model.onnx_data, which holds weights of onnx/model.onnx') as string,
    });
  });

  it('has a digest over both files', async () => {
    const files = { ...(await tinyModel()), [QUANTISED]: quantisedOver(), 'onnx/model.onnx': onnxFile('a') };
    const folder = await writeFiles(join(scratch, 'm'), files);
    const load = () => loadTextEncoder(folder, { ...options, file: QUANTISED });
    const before = await load();
    expect(before.unquantised?.modelPath).toBe(join(folder, 'onnx/model.onnx'));
    await writeFiles(folder, { 'onnx/model.onnx': onnxFile('bb') });
    const after = await load();
    expect(after.modelSha256).not.toBe(before.modelSha256);
    await rm(join(folder, 'onnx/model.onnx'));
    await rm(join(folder, 'model.safetensors'));
    const alone = await load();
    expect(alone).not.toHaveProperty('unquantised');
    expect([before.modelSha256, after.modelSha256]).not.toContain(alone.modelSha256);
  });
});

describe('a file that is not quantised', () => {
  it('comes alone when it is asked for', async () => {
    const file = 'onnx/model_fp16.onnx';
    const found = await taken({ [file]: onnxFile('half'), 'onnx/model.onnx': onnxFile('whole') }, file);
    expect(found).toEqual({ weights: [file], unquantised: undefined, fetched: [file] });
  });

  it('is all that is taken when none is asked for', async () => {
    const found = await taken({ [QUANTISED]: quantisedOver(), 'onnx/model.onnx': onnxFile('whole') });
    expect(found).toMatchObject({ weights: ['onnx/model.onnx'], unquantised: undefined, fetched: ['onnx/model.onnx'] });
  });
});

it('what is asked for is fetched also when another file of the model is here', async () => {
  hub.add(ID, { ...SMALL, [QUANTISED]: quantisedOver(), 'onnx/model.onnx': onnxFile('whole') });
  const { folder } = await resolveModel(ID, options);
  expect(await readdir(join(folder, 'onnx'))).toEqual(['model.onnx']);
  expect((await resolveModel(ID, { ...options, file: QUANTISED })).unquantised).toEqual([
    join(folder, 'onnx/model.onnx'),
  ]);
  expect((await readdir(join(folder, 'onnx'))).sort()).toEqual(['model.onnx', 'model_quantized.onnx']);
});
