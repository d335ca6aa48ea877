/** `fungi add` and `fungi remove`: what they change, what they say of it, and what they refuse. */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { interruption } from '../../src/cli/failure.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { TinyImages } from '../support/tiny-images.js';
import { EXAMPLES, jsonl, Workspace, type Outcome } from './support.js';

const addJson = z.strictObject({
  name: z.literal('pets'),
  indexes: z.string(),
  seconds: z.number(),
  read: z.number(),
  repeated: z.number(),
  conflicts: z.number(),
  warnings: z.array(z.string()),
  added: z.number(),
  replaced: z.number(),
  unchanged: z.number(),
  truncated: z.number(),
  rows: z.number(),
  newLabels: z.array(z.string()),
});
const removeJson = z.strictObject({
  name: z.literal('pets'),
  indexes: z.string(),
  removed: z.number(),
  absent: z.array(z.string()),
  rows: z.number(),
});

describe('of texts', () => {
  let workspace: Workspace;
  const own = EXAMPLES.map((row, i) => ({ ...row, id: `e${i}` }));
  beforeEach(async () => {
    workspace = await Workspace.create();
    await workspace.write({ 'own.jsonl': jsonl(own) });
    await build();
  });
  afterEach(() => workspace.remove());

  const build = (...more: string[]): Promise<Outcome> =>
    workspace.fungi(['index', 'pets', '--data', '@own.jsonl', '--encoder', 'MODEL', '--losses', 'none', ...more]);
  const rowOf = async (id: string) => {
    const selector = await FungiSelector.open({ name: 'pets', indexes: workspace.path('indexes') });
    try {
      return selector.get(id);
    } finally {
      await selector.close();
    }
  };

  it('add tells what was added, replaced and left alone', async () => {
    const changed = { ...own[1], label: 'dog' };
    await workspace.write({ 'more.jsonl': jsonl([own[0]!, changed, { id: 'n', text: 'the dogs sat', label: 'dog' }]) });
    const { code, stdout, stderr } = await workspace.fungi(['add', 'pets', '@more.jsonl']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^index "pets" in .*: 1 example added, 1 replaced, 1 unchanged, in .*; it has 13 examples now$/m,
    );
    expect((await rowOf('e1'))?.label).toBe('dog');

    const again = await workspace.fungi(['add', 'pets', '@more.jsonl', '--json']);
    expect(again.stderr).toBe('');
    expect(addJson.parse(again.json())).toMatchObject({ read: 3, added: 0, replaced: 0, unchanged: 3, rows: 13 });
  });

  it('add reads keys as index does, and tells of rows that are the same', async () => {
    await workspace.write({ 'more.csv': 'question,intent,nr\na dog sat,dog,7\nthe dog a,dog,8\nthe dog a,cat,9\n' });
    const keys = ['--input-key', 'question', '--label-key', 'intent', '--id-key', 'nr'];
    const { stderr, json } = await workspace.fungi(['add', 'pets', '@more.csv', ...keys, '--json']);
    expect(addJson.parse(json())).toMatchObject({ added: 3, conflicts: 1, rows: 15 });
    expect(stderr).toBe('warning: several labels for one text: 1 text, kept with each\n');
    expect(await rowOf('7')).toMatchObject({ input: 'a dog sat', label: 'dog' });
  });

  it('add gives the feature that the library gives', async () => {
    await workspace.write({ 'more.jsonl': jsonl([{ id: 'n', text: 'the dogs sat', label: 'dog' }]) });
    await workspace.fungi(['add', 'pets', '@more.jsonl']);
    const stored = (await rowOf('n'))!.vector;
    const selector = await FungiSelector.open({ name: 'pets', indexes: workspace.path('indexes') });
    const [vector] = (await selector.embed(['the dogs sat'])).vectors;
    await selector.close();
    expect([...stored]).toEqual([...vector!]);
  });

  it('add says that labels which came later have no direction until the refit, where the reduction learned of labels', async () => {
    await workspace.write({
      'more.jsonl': jsonl(['bird', 'fish'].map((label) => ({ text: `a ${label}`, label }))),
    });
    const { stderr, json } = await workspace.fungi(['add', 'pets', '@more.jsonl', '--json']);
    expect(addJson.parse(json()).newLabels).toEqual(['bird', 'fish']);
    expect(stderr).toBe(
      'warning: 2 labels are newer than the build, and have no direction of their own until `fungi indexes refit pets`: "bird", "fish"\n',
    );
    await build('--recipe', 'paper', '--force');
    const paper = await workspace.fungi(['add', 'pets', '@more.jsonl', '--json']);
    expect([paper.stderr, addJson.parse(paper.json()).newLabels]).toEqual(['', []]);
  });

  it('add tells how far it is of the whole, over batches, and what is left when it is interrupted', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({ id: `m${i}`, text: `the dog ${i}`, label: 'dog' }));
    await workspace.write({ 'many.jsonl': jsonl(rows) });
    let time = 0;
    const { code, stderr } = await workspace.fungi(['add', 'pets', '@many.jsonl'], { now: () => (time += 11_000) });
    expect(code).toBe(0);
    const told = [...stderr.matchAll(/^features: (\d+)\/(\d+) rows/gm)].map(([, done, total]) => [Number(done), total]);
    expect(told.at(-1)).toEqual([300, '300']);
    expect(told.map(([done]) => done)).toEqual(told.map(([done]) => Number(done)).sort((a, b) => a - b));
    expect(interruption('add').hint).toBe('What is stored stays: the same command adds the rest.');
  });

  it('remove takes out what is there, names what is not, and ends with 5 then', async () => {
    const fine = await workspace.fungi(['remove', 'pets', '--ids', 'e0, e1', '--json']);
    expect([fine.code, fine.stderr]).toEqual([0, '']);
    expect(removeJson.parse(fine.json())).toMatchObject({ removed: 2, absent: [], rows: 10 });
    expect(await rowOf('e0')).toBeUndefined();

    await workspace.write({ 'ids.txt': 'e1\r\ne2\n\nno such, id\ne2\n' });
    const { code, stdout, stderr } = await workspace.fungi(['remove', 'pets', '--ids-file', '@ids.txt']);
    expect(code).toBe(5);
    expect(stdout).toMatch(/: 1 example removed; it has 9 examples now\n$/);
    expect(stderr).toMatch(
      /^error \[EXAMPLE_NOT_FOUND\]: index "pets" has no example of 2 of the ids: "e1", "no such, id"\nhint: /,
    );
  });

  it('remove needs no model', async () => {
    await workspace.write({ 'model.safetensors': 'gone' }, 'model');
    const { code } = await workspace.fungi(['remove', 'pets', '--ids', 'e0']);
    expect(code).toBe(0);
  });

  const CASES: readonly (readonly [string, readonly string[], number, string, RegExp])[] = [
    ['an unknown index', ['add', 'birds', '@own.jsonl'], 5, 'INDEX_NOT_FOUND', /no index "birds"/],
    ['a missing file', ['add', 'pets', '@absent.jsonl'], 3, 'FILE_NOT_FOUND', /absent\.jsonl/],
    ['rows without a label', ['add', 'pets', '@bare.jsonl'], 3, 'INVALID_DATA', /bare\.jsonl:1: no "label" here/],
    ['an id twice', ['add', 'pets', '@twice.jsonl'], 3, 'INVALID_DATA', /:2: the id "x" is already that of .*:1/],
    ['no source', ['add', 'pets'], 2, 'INVALID_ARGUMENT', /missing required argument 'source'/],
    ['another model', ['add', 'pets', '@own.jsonl', '--encoder', 'builtin'], 5, 'INDEX_MISMATCH', /modelSha256/],
    [
      'images for an index of texts',
      ['add', 'pets', '@pictures.jsonl'],
      3,
      'INVALID_DATA',
      /pictures\.jsonl: holds images, and .* reads texts\nhint: Index "pets" holds texts/,
    ],
    ['ids of an unknown index', ['remove', 'birds', '--ids', 'a'], 5, 'INDEX_NOT_FOUND', /no index "birds"/],
    ['no ids', ['remove', 'pets'], 2, 'INVALID_ARGUMENT', /either --ids or --ids-file/],
    [
      'ids and a file',
      ['remove', 'pets', '--ids', 'a', '--ids-file', '@bare.jsonl'],
      2,
      'INVALID_ARGUMENT',
      /either --ids or --ids-file/,
    ],
    ['an empty list', ['remove', 'pets', '--ids', ' ,'], 2, 'INVALID_ARGUMENT', /--ids: there are no ids/],
    ['a missing file of ids', ['remove', 'pets', '--ids-file', '@gone.txt'], 3, 'FILE_NOT_FOUND', /gone\.txt/],
    ['an empty file of ids', ['remove', 'pets', '--ids-file', '@empty.txt'], 2, 'INVALID_ARGUMENT', /there are no ids/],
    ['a file of ids that is no text', ['remove', 'pets', '--ids-file', '@latin1.txt'], 3, 'INVALID_DATA', /UTF-8/],
  ];
  it.each(CASES)('refuses %s', async (_, argv, exit, code, says) => {
    await workspace.write({
      'bare.jsonl': jsonl([{ text: 'a cat' }]),
      'twice.jsonl': jsonl(['a', 'b'].map((text) => ({ id: 'x', text, label: 'cat' }))),
      'pictures.jsonl': jsonl([{ image: 'a.png', label: 'cat' }]),
      'empty.txt': '\n\n',
      'latin1.txt': Buffer.from('caf\xe9', 'latin1'),
    });
    const outcome = await workspace.fungi(argv);
    expect(outcome.stderr).toMatch(new RegExp(`^error \\[${code}\\]: `, 'm'));
    expect(outcome.stderr).toMatch(says);
    expect([outcome.code, outcome.stdout]).toEqual([exit, '']);
    const { rows } = z
      .object({ rows: z.number() })
      .parse((await workspace.fungi(['indexes', 'describe', 'pets', '--json'])).json());
    expect(rows).toBe(12);
  });
});

describe('of images', () => {
  let workspace: Workspace;
  let images: TinyImages;
  beforeAll(async () => {
    workspace = await Workspace.create();
    images = await TinyImages.create();
    for (let i = 0; i < 8; i++) {
      const folder = workspace.path(i < 6 ? 'spots' : 'more', i % 2 === 0 ? 'a' : 'b');
      await mkdir(folder, { recursive: true });
      await copyFile(await images.picture(i), join(folder, `${i}.png`));
    }
    const build = ['index', 'pets', '--encoder', images.model, '--data', '@spots', '--dims', '4', '--losses', 'none'];
    expect((await workspace.fungi(build)).code).toBe(0);
  });
  afterAll(async () => {
    await workspace.remove();
    await images.remove();
  });

  it('add takes a folder of labels, and looks at files again that it has', async () => {
    const first = await workspace.fungi(['add', 'pets', '@more', '--json']);
    expect(addJson.parse(first.json())).toMatchObject({ added: 2, replaced: 0, rows: 8 });
    await copyFile(await images.picture(9), workspace.path('more', 'a', '6.png'));
    const again = await workspace.fungi(['add', 'pets', '@more', '--json']);
    expect(addJson.parse(again.json())).toMatchObject({ added: 0, replaced: 2, unchanged: 0, rows: 8 });
  });

  it('add names all files that are missing, and stores nothing', async () => {
    const rows = ['spots/a/0.png', 'gone/1.png', 'gone/2.png'].map((image) => ({ image, label: 'c' }));
    await workspace.write({ 'some.jsonl': jsonl(rows) });
    const { code, stderr, stdout } = await workspace.fungi(['add', 'pets', '@some.jsonl']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/2 media files are missing: .*gone\/1\.png, .*gone\/2\.png/);
    const selector = await FungiSelector.open({ name: 'pets', indexes: workspace.path('indexes') });
    expect(selector.labels).not.toContain('c');
    await selector.close();
  });

  it('add gives no texts to an encoder of images', async () => {
    const { code, stderr } = await workspace.fungi(['add', 'pets', '@train.jsonl']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/missing: the cat sat, .*\nhint: Images and sounds are named by their path/);
  });
});
