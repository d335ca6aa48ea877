import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FungiError } from '../../../src/core/errors.js';
import type { SourceOptions } from '../../../src/encoders/sources/options.js';
import { readExamples } from '../../../src/eval/data/read-examples.js';
import { DatasetServer } from './dataset-server.js';
import { pairsOf, Scratch } from './scratch.js';

let hub: DatasetServer;
let scratch: Scratch;
let options: SourceOptions;
beforeEach(async () => {
  hub = await DatasetServer.start();
  scratch = await Scratch.create();
  options = {
    cacheDir: scratch.path('cache'),
    hubCacheDir: scratch.path('none'),
    hubEndpoint: hub.endpoint,
    hubToken: undefined,
    offline: false,
    python: 'python3',
    timeoutMs: 2000,
    effects: { sleep: () => Promise.resolve() },
  };
});
/** Where the files of org/set's training split lie. */
async function splitFolder(): Promise<string> {
  const split = scratch.path('cache', 'datasets', 'org--set', 'default', 'train');
  const [listing] = await readdir(split);
  return join(split, listing!);
}

afterEach(async () => {
  await hub.stop();
  await scratch.remove();
});

const file = (...pairs: (readonly [text: string, label: string])[]): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'text', data: pairs.map(([text]) => text), type: 'STRING' },
        { name: 'label', data: pairs.map(([, label]) => label), type: 'STRING' },
      ],
    }),
  );

const read = (source: string, changes: Partial<SourceOptions> = {}): Promise<string[]> =>
  pairsOf(source, { hub: { ...options, ...changes } });
const refusal = (source: string, changes: Partial<SourceOptions> = {}) =>
  scratch.refusal(source, { hub: { ...options, ...changes } });
const requests = (): string[] => hub.seen.map(({ url }) => url);

function addTrain(): void {
  hub.splits.set('org/set/default/train', [file(['a', 'x'], ['b', 'y']), file(['c', 'x'])]);
  hub.splits.set('org/set/default/test', [file(['d', 'y'])]);
}

describe('a data set of a hub', () => {
  it('is the files of a split, in order', async () => {
    addTrain();
    expect(await read('hf:org/set:train')).toEqual(['x: a', 'y: b', 'x: c']);
    expect(await read('hf:org/set/default:test')).toEqual(['y: d']);
  });

  it('is fetched once, and then read without the network', async () => {
    addTrain();
    await read('hf:org/set:train');
    const asked = hub.seen.length;
    expect(await read('hf:org/set:train')).toHaveLength(3);
    expect(await read('hf:org/set:train', { offline: true })).toHaveLength(3);
    expect(hub.seen).toHaveLength(asked);
  });

  it('may go without configuration and split where there is one', async () => {
    hub.splits.set('old/plain/train', [file(['a', 'x'])]);
    expect(await read('hf:old')).toEqual(['x: a']);
  });

  it('of later days has splits that the listing in the cache lacks', async () => {
    addTrain();
    await read('hf:org/set:train');
    hub.splits.set('org/set/default/validation', [file(['e', 'x'])]);
    expect(await read('hf:org/set:validation')).toEqual(['x: e']);
  });

  it('that was revised is never read in part from what was there before', async () => {
    hub.splits.set('org/set/default/train', [file(['old', 'x'])]);
    await read('hf:org/set:train');
    hub.splits.set('org/set/default/train', [file(['new', 'x']), file(['newer', 'x'])]);
    hub.splits.set('org/set/default/validation', [file(['e', 'x'])]);
    await read('hf:org/set:validation'); // fetches the listing again
    expect(await read('hf:org/set:train')).toEqual(['x: new', 'x: newer']);
  });

  it('names data set and row in errors', async () => {
    hub.splits.set('org/set/default/train', [file(['a', 'x']), file(['b', ' '])]);
    expect(await refusal('hf:org/set:train')).toMatchObject({
      code: 'INVALID_TEXT',
      message: expect.stringMatching(/^hf:org\/set:train\/1\.parquet: row 1, label: the label is empty/) as string,
    });
  });

  it('gets the token, and from the hub alone', async () => {
    addTrain();
    hub.listedOrigin = 'http://127.0.0.1:9'; // nobody there
    expect(await read('hf:org/set:test', { hubToken: 'secret' })).toEqual(['y: d']);
    expect(hub.seen.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
  });
});

describe('a broken download', () => {
  const cut =
    (data: Uint8Array) =>
    (_: unknown, response: import('node:http').ServerResponse): void => {
      response.writeHead(200, { 'content-length': data.length });
      response.write(data.subarray(0, 100), () => setTimeout(() => response.destroy(), 20));
    };

  it('is gone on with', async () => {
    const data = file(['a', 'x'], ['b', 'y']);
    hub.splits.set('org/set/default/train', [data]);
    hub.faults.push(cut(data));
    expect(await read('hf:org/set:train')).toHaveLength(2);
    expect(hub.seen.map(({ range }) => range)).toContain('bytes=100-');
  });

  it('keeps what arrived when the hub stays away', async () => {
    const data = file(['a', 'x'], ['b', 'y']);
    hub.splits.set('org/set/default/train', [data]);
    hub.faults.push(
      cut(data),
      ...Array.from({ length: 5 }, () => (_: unknown, response: import('node:http').ServerResponse) => {
        response.writeHead(503).end();
      }),
    );
    const error: unknown = await readExamples('hf:org/set:train', { hub: options }).catch((reason: unknown) => reason);
    expect(FungiError.is(error, 'DOWNLOAD_FAILED') && [error.retryable, error.message]).toEqual([
      true,
      expect.stringMatching(/^org\/set\/default\/train\/0\.parquet: .*answered 503 .*; 100 bytes are kept/),
    ]);
    const partial = join(await splitFolder(), '0.parquet.partial');
    expect(await readFile(partial)).toEqual(Buffer.from(data.subarray(0, 100)));
    expect(await read('hf:org/set:train')).toHaveLength(2);
  });

  it('leaves no damaged file', async () => {
    const data = file(['a', 'x'], ['b', 'y']);
    hub.splits.set('org/set/default/train', [data]);
    await read('hf:org/set:train');
    const path = join(await splitFolder(), '0.parquet');
    await writeFile(path, data.subarray(0, 50));
    expect(await refusal('hf:org/set:train')).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(
        /cache\/datasets\/org--set\/default\/train\/[0-9a-f]{12}\/0\.parquet: the Parquet file is cut off/,
      ) as string,
    });
    await rm(path);
    expect(await read('hf:org/set:train')).toHaveLength(2);
  });
});

describe('refusals', () => {
  it.each([
    [
      'hf:org/set/other:train',
      'FILE_NOT_FOUND',
      'data set "org/set" has no configuration "other"; it has default',
      'Write hf:org/set/default:train, for example.',
    ],
    [
      'hf:org/set:dev',
      'FILE_NOT_FOUND',
      'data set "org/set" has no split "dev"; it has train, test',
      'Write hf:org/set:train, for example.',
    ],
    [
      'hf:org/set',
      'INVALID_ARGUMENT',
      'data set "org/set" has several splits, and none is named: train, test',
      'Write hf:org/set:train, for example.',
    ],
    ['hf:', 'INVALID_ARGUMENT', '"hf:" does not name a data set of a hub', /owner\/name:split/],
    [
      'hf:a/b/c/d:train',
      'INVALID_ARGUMENT',
      '"hf:a/b/c/d:train" does not name a data set of a hub',
      /owner\/name:split/,
    ],
    ['hf:../..:train', 'INVALID_ARGUMENT', /does not name a data set/, /owner\/name:split/],
    ['hf:org/set/..:train', 'INVALID_ARGUMENT', /does not name a data set/, /owner\/name:split/],
  ])('%s', async (source, code, message, hint) => {
    addTrain();
    const is = (one: string | RegExp): unknown => (typeof one === 'string' ? one : expect.stringMatching(one));
    expect(await refusal(source)).toEqual({ code, message: is(message), hint: is(hint) });
  });

  it('lists configurations to choose from', async () => {
    hub.splits.set('org/many/a/train', [file(['a', 'x'])]);
    hub.splits.set('org/many/b/train', [file(['a', 'x'])]);
    expect(await refusal('hf:org/many:train')).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'data set "org/many" has several configurations, and none is named: a, b',
      hint: 'Write hf:org/many/a:train, for example.',
    });
  });

  it.each([
    [404, undefined, /it does not exist, or the hub has no Parquet files of it/, /download its files/],
    [401, undefined, /it does not exist, or is private or gated/, /set HF_TOKEN/],
    [401, 'wrong', /or the token is not accepted/, /HF_TOKEN is valid/],
    [403, 'weak', /access is not granted/, /Accept the data set's terms/],
  ])('status %d', async (status, hubToken, message, hint) => {
    hub.refuse = status;
    expect(await refusal('hf:org/gone:train', { hubToken })).toEqual({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
    expect(requests()).toEqual(['/api/datasets/org/gone/parquet']);
  });

  it('offline', async () => {
    addTrain();
    expect(await refusal('hf:org/set:train', { offline: true })).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'data set "org/set" (train) is not in cache/datasets/org--set, and the network is not to be used',
      hint: expect.stringContaining('HF_HUB_OFFLINE') as string,
    });
    expect(hub.seen).toEqual([]);
  });

  it('a hub that is away, or is none', async () => {
    expect(await refusal('hf:org/set:train', { hubEndpoint: 'http://127.0.0.1:9' })).toMatchObject({
      code: 'DOWNLOAD_FAILED',
    });
    hub.forged = '<html>';
    expect(await refusal('hf:org/set:train')).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining("the answer is not a hub's listing: <html>") as string,
    });
  });
});
