import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { countData } from '../../../src/eval/data/data-counts.js';
import { modalityOfAll } from '../../../src/eval/data/media.js';
import { readExamples } from '../../../src/eval/data/read-examples.js';
import { Scratch } from './scratch.js';

let scratch: Scratch;
beforeEach(async () => {
  scratch = await Scratch.create();
});
afterEach(() => scratch.remove());

describe('images and sounds in a data file', () => {
  it('stand under keys of their own, and count from the folder of the file', async () => {
    const url = 'data:image/png;base64,AAAA';
    await scratch.write({
      'data/set.jsonl': [
        { image: 'pictures/a.png', label: 'cat' },
        { image: '/elsewhere/b.png', label: 'dog' },
        { image: url, label: 'dog', shot: 3 },
      ]
        .map((row) => JSON.stringify(row))
        .join('\n'),
      'data/set.csv': 'audio,label\nclips/a.wav,bark',
    });
    expect((await readExamples(scratch.path('data/set.jsonl'))).examples).toMatchObject([
      { input: scratch.path('data/pictures/a.png'), label: 'cat' },
      { input: '/elsewhere/b.png', label: 'dog' },
      { input: url, label: 'dog', metadata: { shot: 3 } },
    ]);
    expect((await readExamples(scratch.path('data/set.csv'))).examples).toMatchObject([
      { input: scratch.path('data/clips/a.wav'), label: 'bark' },
    ]);
  });

  it('are metadata beside a text', async () => {
    await scratch.write({ 'set.jsonl': JSON.stringify({ text: 'a cat', image: 'a.png', label: 'cat' }) });
    expect((await readExamples(scratch.path('set.jsonl'))).examples).toMatchObject([
      { input: 'a cat', label: 'cat', metadata: { image: 'a.png' } },
    ]);
  });

  it('are looked for only where no key is named', async () => {
    await scratch.write({ 'set.jsonl': JSON.stringify({ image: 'a.png', label: 'cat' }) });
    await expect(readExamples(scratch.path('set.jsonl'), { inputKey: 'text' })).rejects.toMatchObject({
      code: 'INVALID_DATA',
    });
    const named = await readExamples(scratch.path('set.jsonl'), { inputKey: 'image' });
    expect(named.examples).toMatchObject([{ input: scratch.path('a.png') }]);
  });
});

describe('what items are', () => {
  it.each([
    ['image', ['/a/b.JPG', 'file:///a/b.png', 'data:image/png;base64,AAAA']],
    ['audio', ['/a/b.wav', 'data:audio/wav;base64,AAAA']],
    ['text', ['a.png']],
    ['text', ['/a/b.png', 'my card has not arrived']],
    ['text', ['/a/b.png', '/a/b.wav', 'a text']],
    ['text', ['data:text/plain;base64,AAAA']],
  ] as const)('is %s by the names of %j', (modality, items) => {
    expect(modalityOfAll(items)).toBe(modality);
  });

  it('cannot be two things that no encoder reads together', () => {
    expect(() => modalityOfAll(['/a/b.png', '/a/b.wav'])).toThrow('the data hold images and sounds');
  });
});

it('counts a file as the same by its name to the letter, and a text but for case and spaces', () => {
  const rows = (...inputs: string[]) => inputs.map((input) => ({ input, label: 'a' }));
  const files = countData(rows('/pets/A.png', '/pets/b.png'), rows('/pets/a.png', '/pets/b.png'));
  expect(files).toMatchObject({ testInTrain: 1, testInTrainNormalised: 1 });
  const texts = countData(rows('A cat', 'a dog'), rows('a  CAT', 'a dog'));
  expect(texts).toMatchObject({ testInTrain: 1, testInTrainNormalised: 2 });
});
