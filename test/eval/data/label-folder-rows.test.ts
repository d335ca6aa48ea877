import { symlink } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readExamples } from '../../../src/eval/data/read-examples.js';
import { pairsOf, Scratch } from './scratch.js';

let scratch: Scratch;
beforeEach(async () => {
  scratch = await Scratch.create();
});
afterEach(() => scratch.remove());

describe('a folder of labels', () => {
  it('gives the text of each file, by label and name', async () => {
    await scratch.write({
      'set/spam/b.txt': 'second\r\n',
      'set/spam/a.TXT': 'two\nlines\n\n',
      'set/ham/10.txt': '\ufeffdéjà',
      'set/ham/2.txt': ' as it is ',
      'set/ham/.hidden.png': 'not seen',
      'set/.git/config': 'not seen',
    });
    const names = ['ham/10.txt', 'ham/2.txt', 'spam/a.TXT', 'spam/b.txt'];
    expect(await readExamples(scratch.path('set'))).toEqual({
      examples: [
        { input: 'déjà', label: 'ham' },
        { input: ' as it is ', label: 'ham' },
        { input: 'two\nlines\n', label: 'spam' },
        { input: 'second', label: 'spam' },
      ],
      where: names.map((name) => scratch.path('set', name)),
      warnings: [],
    });
  });

  it('gives the path of each image and sound', async () => {
    await scratch.write({ 'set/cat/b.PNG': 'not read', 'set/cat/a.jpeg': '', 'set/dog/c.wav': '' });
    expect((await readExamples(scratch.path('set'))).examples).toMatchObject([
      { input: scratch.path('set/cat/a.jpeg'), label: 'cat' },
      { input: scratch.path('set/cat/b.PNG'), label: 'cat' },
      { input: scratch.path('set/dog/c.wav'), label: 'dog' },
    ]);
  });

  it('tells of empty labels and of files beside them', async () => {
    await scratch.write({ 'set/ham/a.txt': 'a', 'set/none/.keep': '', 'set/README.md': 'r' });
    const { warnings } = await readExamples(scratch.path('set'));
    expect(warnings.map((warning) => scratch.relative(warning))).toEqual([
      `${scratch.path('set')}: no files in the folders of these labels: "none"`.replace(`${scratch.folder}/`, ''),
      'set: left out, since they lie in no folder of a label: README.md',
    ]);
  });

  it('follows links', async () => {
    await scratch.write({ 'elsewhere/a.txt': 'a', 'set/x/b.txt': 'b' });
    await symlink(scratch.path('elsewhere'), scratch.path('set', 'y'));
    expect(await pairsOf(scratch.path('set'))).toEqual(['x: b', 'y: a']);
  });

  it.each([
    [
      'a file of another kind',
      { 'set/x/a.txt': 'a', 'set/x/b.pdf': 'b' },
      'INVALID_DATA',
      /^set\/x\/b\.pdf: neither a \.txt file nor an image or a sound/,
      /\.jsonl/,
    ],
    [
      'a file that is not UTF-8',
      { 'set/x/a.txt': Buffer.from([0x61, 0xe9]) },
      'INVALID_DATA',
      /^set\/x\/a\.txt:1: not UTF-8/,
      /iconv/,
    ],
    ['an empty file', { 'set/x/a.txt': '\n' }, 'INVALID_TEXT', /^set\/x\/a\.txt: the text is empty/, /more than white/],
    [
      'no folders',
      { 'set/a.txt': 'a' },
      'FILE_NOT_FOUND',
      /^set is a folder, and has no folders of labels/,
      /DIR\/<label>/,
    ],
    [
      'folders in a label',
      { 'set/train/x/a.txt': 'a' },
      'INVALID_DATA',
      /^set\/train: .* here is the folder "x"/,
      /is it set\/train that was meant\?/,
    ],
    ['labels without files only', { 'set/x/.keep': '' }, 'INVALID_DATA', /^set: the file holds no examples/, /one row/],
  ] as const)('is refused with %s', async (_, files, code, message, hint) => {
    await scratch.write(files);
    expect(
      await scratch.refusal(scratch.path('set')).then((e) => ({ ...e, message: scratch.relative(e.message) })),
    ).toEqual({
      code,
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });
});
