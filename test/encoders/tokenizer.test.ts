import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TextTokenizer } from '../../src/encoders/tokenizer.js';

const FIXTURES = join(import.meta.dirname, '../golden/fixtures/tokenizer');

interface GoldenCase {
  readonly text: string;
  readonly maxTokens: number;
  readonly ids: number[];
  readonly typeIds: number[];
}
const VARIANTS = ['uncased', 'cased-vocab-only', 'unigram', 'byte-bpe'] as const;
type Variant = (typeof VARIANTS)[number];
const golden = JSON.parse(await readFile(join(FIXTURES, 'golden.json'), 'utf8')) as Record<Variant, GoldenCase[]>;

let uncased: TextTokenizer;
let scratch: string;
beforeAll(async () => {
  uncased = await TextTokenizer.load(join(FIXTURES, 'uncased'));
  scratch = await mkdtemp(join(tmpdir(), 'tokenizer-'));
});
afterAll(() => rm(scratch, { recursive: true }));

describe('ids equal those of transformers in Python', () => {
  it.each(VARIANTS)('%s', async (variant) => {
    const tokenizer = await TextTokenizer.load(join(FIXTURES, variant));
    expect(golden[variant].length).toBeGreaterThan(20);
    for (const { text, maxTokens, ids, typeIds } of golden[variant]) {
      const [encoded] = tokenizer.encode([text], { maxTokens });
      expect({ text, ids: encoded?.ids, typeIds: encoded?.typeIds }).toEqual({ text, ids, typeIds });
    }
  });
});

describe('truncation', () => {
  it('says so, counts what there was, and keeps the special tokens at both ends', () => {
    const [whole, cut] = [12, 6].map((maxTokens) => uncased.encode(['hello world the text line'], { maxTokens })[0]!);
    expect(whole).toMatchObject({ truncated: false, length: 7 });
    expect(cut).toMatchObject({ truncated: true, length: 7 });
    expect(cut!.ids).toEqual([...whole!.ids.slice(0, 5), whole!.ids.at(-1)]);
  });

  it('needs room for one token of the text', () => {
    expect(uncased.encode(['hello world'], { maxTokens: 3 })[0]!.ids).toHaveLength(3);
    for (const maxTokens of [2, 0, -1, NaN]) {
      expect(() => uncased.encode(['hello'], { maxTokens })).toThrow(/leaves no room/);
    }
  });

  it('reads no more of a long text than matters, and gets the same first tokens', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('hello ', 'é', '你', ' \n ', 'x'.repeat(150), '[MASK]', '😀', '\0', ' '.repeat(5000)),
          {
            minLength: 1,
            maxLength: 24,
          },
        ),
        fc.integer({ min: 3, max: 40 }),
        (parts, maxTokens) => {
          const text = parts.join('').repeat(20).trim() + ' end';
          const all = uncased.encode([text], { maxTokens: 1_000_000 })[0]!;
          const [encoded] = uncased.encode([text], { maxTokens });
          expect(encoded!.truncated).toBe(all.length > maxTokens);
          if (all.length > maxTokens) expect(encoded!.ids.slice(0, -1)).toEqual(all.ids.slice(0, maxTokens - 1));
          else expect(encoded!.ids).toEqual(all.ids);
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each([
    ['one long word', 'a'.repeat(100_000)],
    ['words', 'hello world '.repeat(8_334)],
    ['ideographs', '你'.repeat(100_000)],
    ['punctuation', '.'.repeat(100_000)],
    ['white space', `${' '.repeat(100_000)}end`],
    ['combining marks', `e${'\u0301\u0323'.repeat(50_000)}`],
    ['half of a special token', '[MASK'.repeat(20_000)],
    ['emoji', '😀'.repeat(50_000)],
  ])('takes 100,000 characters of %s in reasonable time', (_, text) => {
    const start = performance.now();
    const [encoded] = uncased.encode([text], { maxTokens: 512 });
    expect(encoded!.ids.length).toBeLessThanOrEqual(512);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe('identity', () => {
  it('knows its vocabulary and limits', async () => {
    expect(uncased.vocabularySize).toBe(225);
    expect(uncased.modelMaxLength).toBe(64);
    expect((await TextTokenizer.load(join(FIXTURES, 'cased-vocab-only'))).modelMaxLength).toBeUndefined();
  });

  it('has a digest that follows the files', async () => {
    const copy = join(scratch, 'copy');
    await cp(join(FIXTURES, 'uncased'), copy, { recursive: true });
    expect((await TextTokenizer.load(copy)).digest).toBe(uncased.digest);
    const path = join(copy, 'tokenizer.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"lowercase": true', '"lowercase": false'));
    expect((await TextTokenizer.load(copy)).digest).not.toBe(uncased.digest);
  });
});

describe('refuses', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['a folder without tokenizer', {}, /neither tokenizer.json nor vocab.txt/],
    ['a damaged tokenizer.json', { 'tokenizer.json': '{"model":' }, /tokenizer.json: is not JSON/],
    ['a tokenizer.json of another kind', { 'tokenizer.json': '[]' }, /tokenizer.json/],
    ['an unknown model type', { 'tokenizer.json': '{"model":{"type":"Telepathy"}}' }, /cannot be built/],
    ['a vocabulary without special tokens', { 'vocab.txt': 'a\nb\n' }, /vocab.txt has no \[UNK\]/],
    [
      'truncation on the left',
      { 'vocab.txt': '[UNK]\n[CLS]\n[SEP]\na', 'tokenizer_config.json': '{"truncation_side":"left"}' },
      /truncate on the left/,
    ],
  ])('%s', async (_, files, reason) => {
    const folder = await mkdtemp(join(scratch, 'bad-'));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await expect(TextTokenizer.load(folder)).rejects.toMatchObject({
      code: 'TOKENIZER_INVALID',
      message: expect.stringMatching(reason) as string,
    });
  });
});
