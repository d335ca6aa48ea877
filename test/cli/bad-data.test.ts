/** Data at the edges through the command line: NUL, and texts of a hundred thousand characters. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

const INDEX = ['index', 'odd', '--encoder', 'MODEL', '--losses', 'none', '--data'];

describe('NUL', () => {
  it.each([
    ['a label', { label: 'c\0at' }],
    ['an id', { id: 'one\0' }],
  ])('in %s is refused, with the line', async (_, change) => {
    await workspace.write({ 'nul.jsonl': jsonl([EXAMPLES[0]!, { ...EXAMPLES[6]!, ...change }]) });
    const { code, stderr } = await workspace.fungi([...INDEX, '@nul.jsonl']);
    expect(stderr).toMatch(/^error \[INVALID_DATA\]: .*nul\.jsonl:2, (label|id).*without NUL/m);
    expect(code).toBe(3);
  });

  it('in a text is data', async () => {
    await workspace.write({ 'nul-text.jsonl': jsonl([...EXAMPLES, { text: 'a\0 cat', label: 'cat' }]) });
    expect((await workspace.fungi([...INDEX, '@nul-text.jsonl', '--force'])).code).toBe(0);
    const { json } = await workspace.fungi(['retrieve', 'odd', 'a\0 cat', '-k', '3', '--json']);
    const { query, examples } = json() as { query: string; examples: { input: string }[] };
    expect(query).toBe('a\0 cat');
    expect(examples.map(({ input }) => input)).toContain('a\0 cat');
  });
});

describe('texts of 100,000 characters', () => {
  const long = (word: string): { text: string; label: string } => ({
    text: `the ${word} ${'a b c d '.repeat(12_500)}`,
    label: word,
  });

  it('are indexed whole, and counted as cut', async () => {
    await workspace.write({ 'long.jsonl': jsonl([...EXAMPLES, long('cat'), long('dog')]) });
    const { code, json } = await workspace.fungi([...INDEX, '@long.jsonl', '--force', '--json']);
    expect(code).toBe(0);
    expect(json()).toMatchObject({ manifest: { rows: EXAMPLES.length + 2, truncatedTexts: 2 } });
    const found = await workspace.fungi(['retrieve', 'odd', long('dog').text, '-k', '1', '--json']);
    expect(found.json()).toMatchObject({ truncated: true, examples: [{ input: long('dog').text }] });
  });

  it('are answered, and counted as cut', async () => {
    await workspace.write({ 'queries.jsonl': jsonl([long('dog'), EXAMPLES[0]!, long('cat')]) });
    const { code, stdout, stderr } = await workspace.fungi(['answer', 'odd', '--data', '@queries.jsonl', '-k', '1']);
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.slice(0, 8))).toEqual(['dog\tthe ', 'cat\tthe ', 'cat\tthe ', '']);
    expect(stderr).toContain('warning: 2 of 3 texts are longer than the encoder reads');
  });
});
