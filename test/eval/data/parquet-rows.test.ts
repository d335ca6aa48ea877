import { open, readFile, truncate } from 'node:fs/promises';

import fc from 'fast-check';
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FungiError } from '../../../src/core/errors.js';
import { parquetRows } from '../../../src/eval/data/parquet-rows.js';
import { readExamples } from '../../../src/eval/data/read-examples.js';
import { fixture, readGolden } from '../../support/golden.js';
import { pairsOf, Scratch } from './scratch.js';

let scratch: Scratch;
beforeAll(async () => {
  scratch = await Scratch.create();
});
afterAll(() => scratch.remove());

interface WriteOptions {
  readonly rowGroupSize?: number;
  readonly kvMetadata?: { key: string; value: string }[];
}

const parquet = (columnData: ColumnSource[], options: WriteOptions = {}): Uint8Array =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...options }));

const texts = (data: readonly string[]): ColumnSource => ({ name: 'text', data: [...data], type: 'STRING' });
const labels = (data: readonly string[]): ColumnSource => ({ name: 'label', data: [...data], type: 'STRING' });
const classNote = (features: object): { key: string; value: string }[] => [
  { key: 'huggingface', value: JSON.stringify({ info: { features } }) },
];

async function allRows(path: string): Promise<{ rows: unknown[]; wheres: string[]; warnings: string[] }> {
  const [rows, wheres, warnings]: [unknown[], string[], string[]] = [[], [], []];
  for await (const { where, fields } of parquetRows(path, { needed: [], warn: (message) => warnings.push(message) })) {
    rows.push(Object.fromEntries(fields));
    wheres.push(where);
  }
  return { rows, wheres, warnings };
}

describe('files of pyarrow', () => {
  const golden = readGolden('data/rows.json') as Record<string, Record<string, unknown>[]>;

  it.each(Object.keys(golden))('%s.parquet', async (name) => {
    const path = fixture(`data/${name}.parquet`);
    const { rows, wheres } = await allRows(path);
    // JSON has no undefined, which a null may be, and no bytes.
    const comparable = JSON.parse(
      JSON.stringify(rows, (_, value: unknown) =>
        value instanceof Uint8Array ? { bytes: [...value] } : (value ?? null),
      ),
    ) as unknown;
    expect(comparable).toEqual(golden[name]);
    expect(wheres).toEqual(golden[name]!.map((_, i) => `${path}: row ${i + 1}`));
  });

  it('become examples with names of classes as labels, and metadata', async () => {
    const { examples, warnings } = await readExamples(fixture('data/typed.parquet'));
    expect(examples[0]).toEqual({
      input: 'Where is my card?',
      label: 'card',
      metadata: {
        ...{ grade: 'high', topic: 'a', small: 1, unsigned: 4294967295, large: 9007199254740991, score: 0.5 },
        ...{ single: 0.5, sure: true, day: '2024-05-03T00:00:00.000Z', time: '2024-05-03T01:02:03.004Z' },
        ...{ blob: 'plain text', wide: 'Where is my card?' },
      },
    });
    expect(warnings).toEqual([
      expect.stringMatching(/left out, since metadata cannot hold lists or groups: "tags", "image"$/),
      expect.stringMatching(/"blob" holds a list or an object in 1 row,/),
    ]);
  });

  it('take another column of classes as the label', async () => {
    const refusal = await scratch.refusal(fixture('data/typed.parquet'), { labelKey: 'grade' });
    expect(refusal.message).toMatch(/row 2, label: |row 2, grade: expected a string, got null/);
  });
});

describe('rows', () => {
  it('are those of all row groups, read one at a time', async () => {
    const many = Array.from({ length: 25 }, (_, i) => `text ${i}`);
    const path = await scratch.write({
      'groups.parquet': parquet([texts(many), labels(many.map((_, i) => `l${i % 2}`))], { rowGroupSize: 4 }),
    });
    const rows = parquetRows(path, { needed: [], warn: () => undefined });
    expect((await rows.next()).value).toMatchObject({ where: `${path}: row 1` });
    // With what follows the first group gone, the first is still there: it was in memory, the others were not.
    const size = (await readFile(path)).length;
    await truncate(path, 200);
    for (let i = 1; i < 4; i++) expect((await rows.next()).value).toMatchObject({ where: `${path}: row ${i + 1}` });
    const error: unknown = await rows.next().catch((reason: unknown) => reason);
    expect(size).toBeGreaterThan(400);
    expect(FungiError.is(error, 'INVALID_DATA') && error.message).toMatch(
      /row group 2 \(rows 5 to 8\) cannot be read: the file became shorter/,
    );
  });

  it('any text and label is read back identically', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((value) => value.trim() !== '');
    const examples = fc.array(
      fc.tuple(
        text,
        text.filter((label) => !label.includes('\0')),
      ),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(examples, fc.integer({ min: 1, max: 5 }), async (pairs, rowGroupSize) => {
        const columns = [texts(pairs.map(([input]) => input)), labels(pairs.map(([, label]) => label))];
        const path = await scratch.write({ 'any.parquet': parquet(columns, { rowGroupSize }) });
        expect(await pairsOf(path)).toEqual(pairs.map(([input, label]) => `${label}: ${input}`));
      }),
      { numRuns: 60 },
    );
  });

  it('with the same content as JSON Lines give the same examples', async () => {
    const rows = [
      { text: 'a', label: 'x', year: 2015, score: 0.5, vip: true, note: 'n' },
      { text: 'b', label: 'y', year: 2016, score: 1, vip: false, note: 'm' },
    ];
    const column = (name: keyof (typeof rows)[0], type: ColumnSource['type']): ColumnSource => ({
      name,
      data: rows.map((row) => row[name]),
      ...(type && { type }),
    });
    const path = await scratch.write({
      'same.parquet': parquet([
        ...[column('text', 'STRING'), column('label', 'STRING'), column('year', 'INT32'), column('score', 'DOUBLE')],
        ...[column('vip', 'BOOLEAN'), column('note', 'STRING')],
      ]),
      'same.jsonl': rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    });
    expect((await readExamples(path)).examples).toEqual((await readExamples(scratch.path('same.jsonl'))).examples);
  });

  it('with integers as labels and ids are told as in JSON', async () => {
    const path = await scratch.write({
      'ints.parquet': parquet([
        texts(['a', 'b']),
        { name: 'label', data: [0n, 1n], type: 'INT64' },
        { name: 'id', data: [7n, 9007199254740993n], type: 'INT64' },
      ]),
    });
    const { examples, warnings } = await readExamples(path);
    expect(examples).toEqual([
      { input: 'a', label: '0', id: '7' },
      { input: 'b', label: '1', id: '9007199254740993' },
    ]);
    expect(warnings).toEqual([expect.stringContaining('2 labels are numbers or booleans, read as strings')]);
  });

  it('name a row whose text is missing', async () => {
    const column: ColumnSource = { name: 'text', data: ['a', null], type: 'STRING' };
    const path = await scratch.write({ 'null.parquet': parquet([column, labels(['x', 'y'])]) });
    expect(await scratch.refusal(path)).toMatchObject({
      code: 'INVALID_TEXT',
      message: expect.stringMatching(/^null\.parquet: row 2, text: expected a string, got/) as string,
    });
  });

  it('name the columns when the one asked for is not there', async () => {
    const path = await scratch.write({ 'keys.parquet': parquet([texts(['a']), labels(['x'])]) });
    expect(await scratch.refusal(path, { inputKey: 'sentence' })).toMatchObject({
      code: 'INVALID_DATA',
      message: 'keys.parquet: row 1: no "sentence" here; the keys are "text", "label"',
    });
  });
});

describe('classes', () => {
  const numbers = (data: number[]): ColumnSource => ({ name: 'label', data, type: 'INT32' });
  const named = (names: string[]) => classNote({ label: { names, _type: 'ClassLabel' } });

  it('without a name are refused, with the row', async () => {
    const path = await scratch.write({
      'nameless.parquet': parquet([texts(['a', 'b']), numbers([0, 2])], { kvMetadata: named(['x', 'y']) }),
    });
    expect(await scratch.refusal(path)).toMatchObject({
      code: 'INVALID_DATA',
      message: 'nameless.parquet: row 2, label: class 2 has no name; the file names 0 to 1',
    });
  });

  it('of −1 are a missing label', async () => {
    const path = await scratch.write({
      'hidden.parquet': parquet([texts(['a']), numbers([-1])], { kvMetadata: named(['x', 'y']) }),
    });
    expect(await scratch.refusal(path)).toMatchObject({
      code: 'INVALID_TEXT',
      message: 'hidden.parquet: row 1, label: expected a string, got null',
    });
  });

  it.each([
    ['no JSON', '{'],
    ['another form', '{"info": 3}'],
    ['another kind of feature', JSON.stringify({ info: { features: { label: { dtype: 'int32', _type: 'Value' } } } })],
  ])('stay numbers with a note that is %s', async (name, value) => {
    const path = await scratch.write({
      [`${name}.parquet`]: parquet([texts(['a', 'b']), numbers([0, 1])], {
        kvMetadata: [{ key: 'huggingface', value }],
      }),
    });
    expect(await pairsOf(path)).toEqual(['0: a', '1: b']);
  });
});

describe('files that cannot be read', () => {
  const whole = parquet([texts(['a', 'b', 'c', 'd']), labels(['x', 'y', 'x', 'y'])], { rowGroupSize: 2 });

  it.each([
    ['empty.parquet', '', /not a Parquet file: it is empty/, /Name a file by what is in it/],
    ['lines.parquet', '{"text": "a", "label": "x"}\n', /it begins with "\{\\"te", not with "PAR1"/, /\.jsonl/],
    ['short.parquet', 'PAR1PAR1', /cut off: 8 bytes/, /again, whole/],
    [
      'pointer.parquet',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
      /a pointer to a file in Git LFS/,
      /git lfs pull/,
    ],
    ['secret.parquet', 'PARE........PARE', /an encrypted Parquet file/, /without encryption/],
  ])('%s', async (name, content, message, hint) => {
    expect(await scratch.refusal(await scratch.write({ [name]: content }))).toEqual({
      code: 'INVALID_DATA',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  it('cut off anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 4, max: whole.length - 1 }), async (length) => {
        const path = await scratch.write({ 'cut.parquet': whole.subarray(0, length) });
        expect(await scratch.refusal(path)).toMatchObject({
          code: 'INVALID_DATA',
          message: `cut.parquet: the Parquet file is cut off: ${length} bytes, and the last four are not "PAR1"`,
        });
      }),
      { numRuns: 40 },
    );
  });

  it('with a damaged footer or page, without a crash', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: whole.length - 9 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const damaged = Uint8Array.from(whole);
          damaged[at] = damaged[at]! ^ change;
          const path = await scratch.write({ 'flipped.parquet': damaged });
          const outcome: unknown = await readExamples(path).then(
            ({ examples }) => examples.length,
            (error: unknown) => error,
          );
          // A change of a text or a statistic cannot be told; all else is an error that is one of ours.
          if (typeof outcome !== 'number') expect(FungiError.is(outcome) ? outcome.code : outcome).toMatch(/^INVALID_/);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a footer that is nonsense', async () => {
    const path = await scratch.write({ 'nonsense.parquet': Uint8Array.from(whole) });
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(40, 0xff), 0, 40, whole.length - 60);
    await file.close();
    expect(await scratch.refusal(path)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(/^nonsense\.parquet: .* cannot be read: /) as string,
      hint: 'The file looks damaged: fetch or write it again.',
    });
  });

  it('compressed with a codec that nothing here reads', async () => {
    const lzo = new Uint8Array(
      parquetWriteBuffer({
        columnData: [texts(['a', 'b']), labels(['x', 'y'])],
        codec: 'LZO',
        compressors: { LZO: (input) => input },
      }),
    );
    expect(await scratch.refusal(await scratch.write({ 'lzo.parquet': lzo }))).toMatchObject({
      code: 'INVALID_DATA',
      message: 'lzo.parquet: column "text" is compressed with LZO, which is not read',
      hint: expect.stringContaining('zstd') as string,
    });
  });

  it('with a nested column as text', async () => {
    const path = fixture('data/typed.parquet');
    expect(await scratch.refusal(path, { inputKey: 'tags' })).toMatchObject({
      code: 'INVALID_DATA',
      message: `${path}: "tags" holds lists or groups, not one value a row`,
      hint: expect.stringContaining('"text", "label"') as string,
    });
  });

  it('that are not there', async () => {
    expect(await scratch.refusal(scratch.path('none.parquet'))).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'none.parquet does not exist',
    });
  });

  it('without rows', async () => {
    const path = await scratch.write({ 'rowless.parquet': parquet([texts([]), labels([])]) });
    expect(await scratch.refusal(path)).toMatchObject({
      code: 'INVALID_DATA',
      message: 'rowless.parquet: the file holds no examples',
    });
  });
});
