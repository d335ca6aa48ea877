import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FungiError } from '../../../src/core/errors.js';
import { readExamples, type ReadExamplesOptions } from '../../../src/eval/data/read-examples.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-read-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function read(name: string, content: string | Uint8Array, options?: ReadExamplesOptions) {
  return readExamples(await file(name, content), options);
}

/** What reading `content` is refused with, the folder cut from the message. */
async function refusal(name: string, content: string | Uint8Array, options?: ReadExamplesOptions) {
  return refusalOf(await file(name, content), options);
}

async function refusalOf(path: string, options?: ReadExamplesOptions) {
  const error: unknown = await readExamples(path, options).then(
    () => new Error('was read'),
    (reason: unknown) => reason,
  );
  if (!FungiError.is(error)) throw error;
  return {
    code: error.code,
    message: error.message.replaceAll(`${folder}/`, ''),
    hint: error.hint,
    details: error.details,
  };
}

const row = (text: unknown, label: unknown, more: object = {}): string =>
  `${JSON.stringify({ text, label, ...more })}\n`;
const quote = (field: string): string => `"${field.replaceAll('"', '""')}"`;

describe('well-formed files', () => {
  const expected = [
    { input: 'Where is my card?', label: 'card' },
    { input: 'he said "now",\nthen left', label: 'other' },
  ];

  it.each([
    ['lf.jsonl', [1, 2], row('Where is my card?', 'card') + row('he said "now",\nthen left', 'other')],
    [
      'crlf.jsonl',
      [1, 3],
      `${row('Where is my card?', 'card').trim()}\r\n\r\n${row('he said "now",\nthen left', 'other').trim()}\r\n`,
    ],
    [
      'bom.jsonl',
      [1, 2],
      `\ufeff${row('Where is my card?', 'card')}${row('he said "now",\nthen left', 'other').trim()}`,
    ],
    ['lf.csv', [2, 3], 'text,label\nWhere is my card?,card\n"he said ""now"",\nthen left",other\n'],
    ['crlf.csv', [2, 4], '\ufefftext,label\r\nWhere is my card?,card\r\n\r\n"he said ""now"",\nthen left",other'],
    ['lf.tsv', [2, 3], 'label\ttext\ncard\tWhere is my card?\nother\t"he said ""now"",\nthen left"\n'],
    ['UPPER.CSV', [2, 3], 'label,text\ncard,Where is my card?\nother,"he said ""now"",\nthen left"\n'],
  ])('%s', async (name, lines, content) => {
    const where = lines.map((line) => expect.stringMatching(new RegExp(`/${name}:${line}$`)) as string);
    expect(await read(name, content)).toEqual({ examples: expected, where, warnings: [] });
  });

  it('takes other keys', async () => {
    const content = 'intent,question,ref\ncard,Where is it?,q1\nhours,Open today?,q2\n';
    const { examples } = await read('keys.csv', content, { inputKey: 'question', labelKey: 'intent', idKey: 'ref' });
    expect(examples).toEqual([
      { id: 'q1', input: 'Where is it?', label: 'card' },
      { id: 'q2', input: 'Open today?', label: 'hours' },
    ]);
  });

  it('keeps duplicate texts, and spaces in texts and labels', async () => {
    const { examples } = await read('same.csv', 'text,label\n hi ,a\n hi ,a\nhi,b c \n');
    expect(examples).toEqual([
      { input: ' hi ', label: 'a' },
      { input: ' hi ', label: 'a' },
      { input: 'hi', label: 'b c ' },
    ]);
  });

  it('reads 100,000 characters, NUL and line separators as text', async () => {
    const long = 'é'.repeat(100_000);
    const odd = 'a\u0000b\u2028c\u2029d\u0085e';
    const { examples } = await read(
      'long.jsonl',
      row(long, 'a') + `{"text":"${odd.replace('\u0000', '\\u0000')}","label":"b"}\n`,
    );
    expect(examples.map(({ input }) => input)).toEqual([long, odd]);
    expect((await read('odd.csv', `text,label\n${odd},b\n`)).examples[0]?.input).toBe(odd);
  });

  it('reads files larger than one block, characters astride the blocks', async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `${i} ${'日本語🍄'.repeat(i % 30)}`);
    const { examples } = await read('blocks.jsonl', texts.map((text) => row(text, 'a')).join(''));
    expect(examples.map(({ input }) => input)).toEqual(texts);
    const csv = `text,label\n${texts.map((text) => `${text},a\n`).join('')}`;
    expect((await read('blocks.csv', csv)).examples.map(({ input }) => input)).toEqual(texts);
  });
});

describe('any well-formed text and label is read back identically', () => {
  const content = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
  const pieces = fc.array(
    fc.constantFrom('"', ',', '\t', '\n', '\r\n', '\r', '\ufeff', ' ', "'", '\\', '🍄', '\u0000', 'a'),
  );
  const text = fc
    .oneof(
      content,
      pieces.map((parts) => parts.join('')),
    )
    .filter((value) => value.trim() !== '');
  const examples = fc.array(fc.record({ input: text, label: text.filter((label) => !label.includes('\0')) }), {
    minLength: 1,
    maxLength: 8,
  });

  const writers: [string, (rows: readonly { input: string; label: string }[]) => string][] = [
    ['any.jsonl', (rows) => rows.map(({ input, label }) => row(input, label)).join('')],
    [
      'any.csv',
      (rows) => ['text,label', ...rows.map(({ input, label }) => `${quote(input)},${quote(label)}`)].join('\n'),
    ],
    [
      'any.tsv',
      (rows) => ['text\tlabel', ...rows.map(({ input, label }) => `${quote(input)}\t${quote(label)}`)].join('\r\n'),
    ],
  ];
  it.each(writers)('%s', async (name, write) => {
    await fc.assert(
      fc.asyncProperty(examples, async (rows) => {
        expect((await read(name, write(rows))).examples).toEqual(rows);
      }),
      { numRuns: 150 },
    );
  });
});

describe('labels, ids and metadata', () => {
  it('reads numbers and booleans as label strings, and says so', async () => {
    const { examples, warnings } = await read('scalar.jsonl', row('a', 0) + row('b', true) + row('c', 'x'));
    expect(examples.map(({ label }) => label)).toEqual(['0', 'true', 'x']);
    expect(warnings).toEqual([expect.stringContaining('2 labels are numbers or booleans, read as strings')]);
  });

  it('counts one label as one', async () => {
    const { warnings } = await read('one-scalar.jsonl', row('a', 0) + row('b', 'x'));
    expect(warnings).toEqual([expect.stringContaining('1 label is a number or boolean, read as a string')]);
  });

  it.each([[null], [['a']], [{ a: 1 }], ['  '], ['\ud800']])('refuses the label %j', async (label) => {
    expect(await refusal('label.jsonl', row('a', 'x') + row('b', label))).toMatchObject({
      code: 'INVALID_TEXT',
      message: expect.stringMatching(/^label\.jsonl:2, label: /) as string,
    });
  });

  it.each([
    ['a label with NUL', { label: 'x\0' }, /^nul\.jsonl:2, label: .*without NUL/],
    ['an id with NUL', { id: '\0' }, /^nul\.jsonl:2, id .*without NUL/],
    ['an id that is too long', { id: 'i'.repeat(513) }, /^nul\.jsonl:2, id .*an id has 1 to 512 characters/],
  ])('refuses %s, which no index could return', async (_, change, message) => {
    const content = row('a', 'x') + `${JSON.stringify({ text: 'b', label: 'y', ...change })}\n`;
    expect(await refusal('nul.jsonl', content)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(message) as string,
    });
  });

  it('warns of labels that differ by case or spaces only', async () => {
    const { warnings } = await read('spelling.csv', 'text,label\na,Refund\nb,refund \nc,fee\n');
    expect(warnings).toEqual([expect.stringContaining('"Refund", "refund "')]);
  });

  it('takes "id" where there is one', async () => {
    const { examples } = await read(
      'ids.jsonl',
      row('a', 'x', { id: 'one' }) + row('b', 'x') + row('c', 'x', { id: 7 }),
    );
    expect(examples.map(({ id }) => id)).toEqual(['one', undefined, '7']);
  });

  it('makes "id" metadata when told that rows have no id', async () => {
    const { examples } = await read('noid.csv', 'id,text,label\n1,a,x\n1,b,y\n', { idKey: null });
    expect(examples[0]).toEqual({ input: 'a', label: 'x', metadata: { id: '1' } });
  });

  it('takes "id" as label when that is the label key', async () => {
    const { examples } = await read('idlabel.csv', 'id,text\nx,a\nx,b\n', { labelKey: 'id' });
    expect(examples).toEqual([
      { input: 'a', label: 'x' },
      { input: 'b', label: 'x' },
    ]);
  });

  it('refuses an id twice, naming both rows', async () => {
    const content = row('a', 'x', { id: '1' }) + row('b', 'x', { id: 1 });
    expect(await refusal('twice.jsonl', content)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(/twice\.jsonl:2: the id "1" is already that of .*twice\.jsonl:1/) as string,
    });
  });

  it('refuses an id that JSON cannot keep apart from its neighbours', async () => {
    const content = '{"text":"a","label":"x","id":12345678901234567890}\n';
    expect(await refusal('big.jsonl', content)).toMatchObject({ code: 'INVALID_TEXT' });
  });

  it('wants a named id key in every row', async () => {
    const content = row('a', 'x', { ref: 1 }) + row('b', 'x');
    expect(await refusal('ref.jsonl', content, { idKey: 'ref' })).toMatchObject({
      code: 'INVALID_DATA',
      message: 'ref.jsonl:2: no "ref" here; the keys are "text", "label"',
    });
  });

  it('keeps scalars as metadata and warns of what it leaves out', async () => {
    const more = { lang: 'en', stars: 4.5, vip: false, note: null, empty: '', tags: ['a'], nested: {} };
    const { examples, warnings } = await read('meta.jsonl', row('a', 'x', more));
    expect(examples[0]?.metadata).toEqual({ lang: 'en', stars: 4.5, vip: false });
    expect(warnings).toEqual([
      expect.stringContaining('"tags" holds a list or an object in 1 row, which'),
      expect.stringContaining('"nested"'),
    ]);
  });

  it('keeps CSV values as strings and leaves blank cells out', async () => {
    const { examples } = await read('meta.csv', 'text,label,year,note\na,x,007,\n');
    expect(examples[0]?.metadata).toEqual({ year: '007' });
  });

  it('is not fooled by a key named __proto__', async () => {
    const { examples } = await read('proto.jsonl', '{"text":"a","label":"x","__proto__":"y"}\n');
    expect(Object.getOwnPropertyNames(examples[0]?.metadata)).toEqual(['__proto__']);
  });
});

describe('files that cannot be read', () => {
  it('a missing file', async () => {
    expect(await refusalOf(join(folder, 'none.jsonl'))).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'none.jsonl does not exist',
    });
    expect(await refusalOf(join(folder, 'none.csv'))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('a folder without labels, whatever its name ends in', async () => {
    await mkdir(join(folder, 'folder.csv'));
    expect(await refusalOf(join(folder, 'folder.csv'))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it.each(['data.json', 'data.xlsx', 'data'])('%s, for its type', async (name) => {
    expect(await refusal(name, row('a', 'x'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringMatching(/^Give a \.jsonl, \.csv, \.tsv or \.parquet file, a folder/) as string,
    });
  });

  it.each([
    ['empty.jsonl', ''],
    ['blank.jsonl', '\n\n \n'],
    ['empty.csv', ''],
    ['header.csv', 'text,label\n'],
    ['bom.tsv', '\ufeff'],
  ])('%s, without examples', async (name, content) => {
    expect(await refusal(name, content)).toMatchObject({
      code: 'INVALID_DATA',
      message: `${name}: the file holds no examples`,
    });
  });

  it('one key for two purposes', async () => {
    for (const options of [{ inputKey: 'label' }, { idKey: 'text' }, { idKey: 'label' }]) {
      expect(await refusal('keys.csv', 'text,label\na,x\n', options)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

describe('rows that are wrong', () => {
  it.each([
    [
      'missing.jsonl',
      row('a', 'x') + '{"question":"b","label":"x"}',
      'missing.jsonl:2: no "text" here; the keys are "question", "label"',
    ],
    ['nokeys.jsonl', '{}\n', 'nokeys.jsonl:1: no "text" here; the keys are none'],
    ['missing.csv', 'question,label\nb,x\n', 'missing.csv:2: no "text" here; the keys are "question", "label"'],
    ['short.csv', 'text,label\n"two\r\nlines",x\r\n\r\nalone\r\n', 'short.csv:5: 1 fields, but the header has 2'],
    ['comma.csv', 'text,label\nhello, world,x\n', 'comma.csv:2: 3 fields, but the header has 2'],
    ['twice.csv', '\ntext,label,text\n', 'twice.csv:2: the header names the column "text" twice'],
    ['array.jsonl', '[{"text":"a","label":"x"}]', 'array.jsonl:1: expected a JSON object, got an array'],
    ['number.jsonl', '3', 'number.jsonl:1: expected a JSON object, got a number'],
  ])('%s', async (name, content, message) => {
    expect(await refusal(name, content)).toMatchObject({ code: 'INVALID_DATA', message });
  });

  it('names the line of broken JSON', async () => {
    const content = row('a', 'x') + '\n{"text": "b", "label": }\n' + row('c', 'x');
    expect(await refusal('broken.jsonl', content)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(/^broken\.jsonl:3: not valid JSON: /) as string,
    });
  });

  it.each([
    ['inside.csv', 'text,label\nok,x\na 5" pipe,x\n'],
    ['after.csv', 'text,label\nok,x\n"a" b,x\n'],
    ['open.csv', 'text,label\nok,x\n"a,x\nb,x\n'],
  ])('names the line of broken quoting: %s', async (name, content) => {
    expect(await refusal(name, content)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(new RegExp(`^${name}:3: `)) as string,
      hint: expect.stringContaining('double the quotes') as string,
    });
  });

  it.each([
    ['an empty text', ''],
    ['a blank text', ' \n'],
    ['a lone surrogate', 'a\ud800b'],
    ['a number', 5],
    ['null', null],
  ])('%s', async (_, text) => {
    expect(await refusal('text.jsonl', row('a', 'x') + row(text, 'x'))).toMatchObject({
      code: 'INVALID_TEXT',
      message: expect.stringMatching(/^text\.jsonl:2[:,] /) as string,
    });
  });
});

describe('other encodings', () => {
  const good = row('déjà vu 🍄', 'x');

  it('names byte and line of Latin-1, in the first block and after it', async () => {
    for (const before of [0, 1, 5000]) {
      const start = Buffer.from(good.repeat(before));
      const bad = Buffer.from('{"text":"caf\xe9 au lait","label":"x"}\n', 'latin1');
      const { code, message, details, hint } = await refusal('latin1.jsonl', Buffer.concat([start, bad]));
      expect(code).toBe('INVALID_DATA');
      expect(details).toMatchObject({ offset: start.length + 12, line: before + 1 });
      expect(message).toBe(
        `latin1.jsonl:${before + 1}: not UTF-8: invalid byte 0xE9 at byte offset ${start.length + 12}`,
      );
      expect(hint).toContain('iconv -f WINDOWS-1252 -t UTF-8');
    }
  });

  it('finds the first invalid byte wherever it stands, past real U+FFFD too', async () => {
    // On one line: a line before it would be refused first, for its JSON.
    const unit = fc.string({ unit: 'binary', maxLength: 1 }).filter((character) => character !== '\n');
    const valid = fc.string({ unit: fc.oneof(unit, fc.constant('\ufffd')) });
    const invalid = fc.constantFrom(
      [0x80],
      [0xc3],
      [0xff],
      [0xef, 0xbf],
      [0xf0, 0x9f, 0x8d],
      [0xed, 0xa0, 0x80],
      [0xc0, 0xaf],
    );
    await fc.assert(
      fc.asyncProperty(valid, invalid, async (text, bytes) => {
        const start = Buffer.from(`{"text":"${text}`);
        const { details } = await refusal('odd.jsonl', Buffer.concat([start, Buffer.from(bytes), Buffer.from('x')]));
        expect(details['offset']).toBe(start.length);
      }),
    );
  });

  it('a character cut off at the end of the file', async () => {
    const bytes = Buffer.from(`${good}{"text":"é`);
    expect(await refusal('cut.jsonl', bytes.subarray(0, -1))).toMatchObject({
      details: { offset: bytes.length - 2, line: 2 },
    });
  });

  it.each([
    ['with a byte order mark', Buffer.from(`\ufeff${good}`, 'utf16le')],
    ['without one', Buffer.from(good, 'utf16le')],
    ['big-endian', Buffer.from(`\ufeff${good}`, 'utf16le').swap16()],
  ])('UTF-16 %s', async (_, bytes) => {
    for (const name of ['wide.jsonl', 'wide.csv']) {
      const { code, message, hint } = await refusal(name, bytes);
      expect([code, message]).toEqual(['INVALID_DATA', `${name}: the file is UTF-16, not UTF-8 (byte offset 0)`]);
      expect(hint).toContain('iconv -f UTF-16 -t UTF-8');
    }
  });
});
