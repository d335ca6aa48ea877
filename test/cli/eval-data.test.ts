/** Options for data that the commands of `fungi eval` share, and what they read. */
import { Command } from 'commander';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createContext, type Context } from '../../src/cli/context.js';
import { addDataOptions, readTrainAndTest, type DataFlags, type TrainAndTest } from '../../src/cli/eval-data.js';
import { readQueries } from '../../src/cli/read-queries.js';
import { FungiError } from '../../src/core/errors.js';
import { DatasetServer } from '../eval/data/dataset-server.js';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
let hub: DatasetServer;
beforeAll(async () => {
  [workspace, hub] = await Promise.all([Workspace.create(), DatasetServer.start()]);
});
afterAll(async () => {
  await Promise.all([workspace.remove(), hub.stop()]);
});

const stderr: string[] = [];

function context(env: Record<string, string> = {}): Context {
  stderr.length = 0;
  const screen = { write: (text: string) => stderr.push(text) };
  return createContext(
    {},
    {
      stdout: screen,
      stderr: screen,
      readStdin: () => Promise.resolve(''),
      env: { FUNGI_CACHE: workspace.path('cache'), HF_ENDPOINT: hub.endpoint, ...env },
      now: () => 0,
    },
  ).context;
}

/** What a command of `fungi eval` would read with these options; "@name" is a file of the workspace. */
async function read(argv: readonly string[], env?: Record<string, string>): Promise<TrainAndTest> {
  const command = addDataOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse(
    argv.map((arg) => arg.replace('@', `${workspace.folder}/`)),
    { from: 'user' },
  );
  return readTrainAndTest(command.opts<DataFlags & { train: string }>(), context(env));
}

async function refusal(argv: readonly string[]): Promise<{ code: string; message: string }> {
  const error = (await read(argv).catch((reason: unknown) => reason)) as Error & { code: string };
  return { code: error.code, message: error.message.replaceAll(`${workspace.folder}/`, '') };
}

const textsOf = (rows: readonly { input: string }[]): string[] => rows.map(({ input }) => input);
const asParquet = (rows: readonly { text: string; label: string }[]): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: (['text', 'label'] as const).map((name) => ({
        name,
        data: rows.map((row) => row[name]),
        type: 'STRING' as const,
      })),
    }),
  );

describe('--train and --test', () => {
  it('read two sources, of any kinds', async () => {
    await workspace.write({
      'test.parquet': asParquet(EXAMPLES.slice(0, 8)),
      'sub/cat/1.txt': 'a cat\n',
      'sub/dog/1.txt': 'a dog',
    });
    const { train, test, split } = await read(['--train', '@train.jsonl', '--test', '@test.parquet']);
    expect([textsOf(train), textsOf(test), split]).toEqual([
      EXAMPLES.map(({ text }) => text),
      EXAMPLES.slice(0, 8).map(({ text }) => text),
      null,
    ]);
    expect(textsOf((await read(['--train', '@train.jsonl', '--test', '@sub'])).test)).toEqual(['a cat', 'a dog']);
  });

  it('read data sets of the hub that the environment names', async () => {
    hub.splits.set('org/pets/default/test', [asParquet(EXAMPLES.slice(4, 8))]);
    const { test } = await read(['--train', '@train.jsonl', '--test', 'hf:org/pets:test']);
    expect(textsOf(test)).toEqual(EXAMPLES.slice(4, 8).map(({ text }) => text));
    expect(await readQueries('hf:org/pets:test', {}, context())).toHaveLength(4);
    await expect(read(['--train', 'hf:org/other:train', '--split', '0.5'], { HF_HUB_OFFLINE: '1' })).rejects.toThrow(
      /the network is not to be used/,
    );
  });

  it('take keys, and parts drawn with seed 0', async () => {
    await workspace.write({ 'keys.csv': 'question,intent\na,x\nb,y\nc,x\nd,y\n' });
    const argv = ['--train', '@keys.csv', '--test', '@keys.csv', '--input-key', 'question', '--label-key', 'intent'];
    const { train, test } = await read([...argv, '--limit-test', '2']);
    expect([train.length, test.length]).toEqual([4, 2]);
    expect(await read([...argv, '--limit-test', '2'])).toEqual({ train, test, split: null });
  });

  it('warn of labels of one side only', async () => {
    await workspace.write({
      'more.jsonl': jsonl([
        { text: 'x', label: 'cat' },
        { text: 'y', label: 'emu' },
      ]),
    });
    await read(['--train', '@train.jsonl', '--test', '@more.jsonl']);
    expect(stderr.join('')).toBe(
      'warning: 1 of 2 test rows cannot be right, since no training row has the label "emu"\n' +
        'warning: nothing is measured of this label, which no test row has: "dog"\n',
    );
    await read(['--train', '@train.jsonl', '--test', '@more.jsonl', '--limit-test', '2']);
    await read(['--train', '@train.jsonl', '--test', '@train.jsonl', '--limit-test', '1']);
    expect(stderr).toEqual([]);
  });

  it('refuse labels that have nothing in common, and a single one', async () => {
    await workspace.write({
      'numbers.jsonl': jsonl([
        { text: 'x', label: 0 },
        { text: 'y', label: 1 },
      ]),
      'one.jsonl': jsonl([{ text: 'x', label: 'cat' }]),
    });
    expect(await refusal(['--train', '@train.jsonl', '--test', '@numbers.jsonl'])).toEqual({
      code: 'INVALID_DATA',
      message: 'numbers.jsonl: none of its labels is one of train.jsonl: "0", "1" there, "cat", "dog" here',
    });
    expect(await refusal(['--train', '@one.jsonl', '--test', '@train.jsonl'])).toMatchObject({ code: 'INVALID_DATA' });
  });
});

describe('--split', () => {
  it('holds out a share of --train, and says so', async () => {
    await workspace.write({
      'pool.jsonl': jsonl([
        ...Array.from({ length: 40 }, (_, i) => ({ text: `t${i}`, label: i % 2 ? 'a' : 'b' })),
        { text: 'T0 ', label: 'b' },
      ]),
    });
    const { train, test, split } = await read(['--train', '@pool.jsonl', '--split', '0.25']);
    expect(split).toEqual({ share: 0.25, seed: 0, moved: 1 });
    expect([...textsOf(train), ...textsOf(test)]).toHaveLength(41);
    expect(test.filter(({ label }) => label === 'a')).toHaveLength(5);
    expect(stderr.join('')).toMatch(
      /^held out (10|11) of 41 rows to test on, class by class; 1 row with the text of an earlier row went to its side\n$/,
    );
  });

  it('comes before the limits', async () => {
    const { train, test } = await read([
      '--train',
      '@pool.jsonl',
      '--split',
      '0.25',
      '--limit-train',
      '6',
      '--limit-test',
      '4',
    ]);
    expect([train.length, test.length]).toEqual([6, 4]);
    const all = await read(['--train', '@pool.jsonl', '--split', '0.25']);
    expect(textsOf(all.test)).toEqual(expect.arrayContaining(textsOf(test)));
  });

  it.each([
    [[], /give either --test SOURCE or --split SHARE/],
    [['--test', '@test.jsonl', '--split', '0.2'], /give either --test SOURCE or --split SHARE/],
    [['--split', '0'], /must be a share between 0 and 1/],
    [['--split', '1'], /must be a share between 0 and 1/],
    [['--split', '20%'], /must be a share between 0 and 1/],
    [['--split', '0.99'], /cannot hold out a share of 0\.99 of 12 different texts: from 1 to 10 can be/],
  ])('%j', async (argv, message) => {
    const error: unknown = await read(['--train', '@train.jsonl', ...argv]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(message);
    expect(FungiError.is(error) ? error.code : (error as { code: string }).code).toMatch(
      /^(INVALID_ARGUMENT|commander\.invalidArgument)$/,
    );
  });
});

describe('queries', () => {
  it('without labels may come from any source', async () => {
    const columnData = [{ name: 'text', data: ['a', 'b'], type: 'STRING' as const }];
    await workspace.write({ 'queries.parquet': Buffer.from(parquetWriteBuffer({ columnData })) });
    expect(await readQueries(workspace.path('queries.parquet'), {})).toEqual([{ input: 'a' }, { input: 'b' }]);
    expect(await readQueries(workspace.path('sub'), {})).toEqual([
      { input: 'a cat', label: 'cat' },
      { input: 'a dog', label: 'dog' },
    ]);
  });

  it('are answered and indexed from a Parquet file and a folder', async () => {
    await workspace.write({ 'train.parquet': asParquet(EXAMPLES) });
    const built = await workspace.fungi(['index', 'pets', '--data', '@train.parquet', '--encoder', 'MODEL', '--json']);
    expect([built.code, (built.json() as { read: number }).read]).toEqual([0, EXAMPLES.length]);
    const answered = await workspace.fungi(['answer', 'pets', '--data', '@sub', '-k', '3', '--json']);
    expect(answered.code).toBe(0);
    expect(JSON.stringify(answered.json())).toContain('a dog');
  });
});

describe('where rows were read', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ text: `text ${i}`, label: i % 2 ? 'odd' : 'even' }));

  it.each([
    [['--train', '@rows.jsonl', '--test', '@rows.jsonl', '--limit-train', '15', '--limit-test', '7']],
    [['--train', '@rows.jsonl', '--split', '0.3', '--limit-train', '20']],
  ])('stays with them under %j', async (argv) => {
    // Blank lines count: a row's place among rows is not its line.
    await workspace.write({ 'rows.jsonl': rows.map((row) => `${JSON.stringify(row)}\n\n`).join('') });
    const { train, test } = await read(argv);
    const taken = [...train, ...test] as readonly { readonly input: string; readonly where?: string }[];
    expect(taken.length).toBeGreaterThan(20);
    expect(taken.map(({ where }) => where)).toEqual(
      taken.map(({ input }) => `${workspace.path('rows.jsonl')}:${1 + 2 * Number(input.slice('text '.length))}`),
    );
  });
});
