import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readClassNames } from '../../../src/eval/segment/class-names.js';
import { readLabelImage, resizeLabels } from '../../../src/eval/segment/label-file.js';
import { assertScenes, listScenes } from '../../../src/eval/segment/scenes.js';

let root: string;
let folder: string;
let runs = 0;
beforeAll(async () => (root = await mkdtemp(join(tmpdir(), 'fungi-scenes-'))));
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => (folder = join(root, String(runs++))));

const grey = (labels: readonly number[], width: number): Sharp =>
  sharp(Uint8Array.from(labels), { raw: { width, height: labels.length / width, channels: 1 } }).toColourspace('b-w');
const colour = (width: number, height: number): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

async function put(name: string, content: Sharp | string): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : await content.toBuffer());
  return path;
}

const failing = (code: string, message: RegExp | string): Error =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

describe('a label map', () => {
  it('has the numbers that its file has, all of them', async () => {
    const all = Array.from({ length: 256 }, (_, i) => i);
    const { width, height, labels } = await readLabelImage(await put('all.png', grey(all, 32).png()));
    expect([width, height]).toEqual([32, 8]);
    expect([...labels]).toEqual(all);
  });

  it.each([
    ['a JPEG', () => colour(4, 4).greyscale().jpeg(), /is a JPEG/],
    ['colours', () => colour(4, 4).png(), /has 3 channels/],
    ['a palette', () => colour(4, 4).png({ palette: true }), /has a palette/],
    ['16 bits', () => grey([0, 1, 2, 3], 2).toColourspace('grey16').png(), /pixels of type ushort/],
  ])('is refused with %s', async (_, make, message) => {
    const path = await put('labels.png', make());
    await expect(readLabelImage(path)).rejects.toThrow(failing('INVALID_DATA', message));
  });

  it('is refused where it is no image', async () => {
    await expect(readLabelImage(await put('labels.png', 'text'))).rejects.toThrow(
      failing('INVALID_MEDIA', /cannot be read/),
    );
    await expect(readLabelImage(join(folder, 'none.png'))).rejects.toThrow(failing('FILE_NOT_FOUND', /none\.png/));
  });

  it('is resized without numbers of its own', () => {
    const image = { width: 3, height: 2, labels: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    expect([...resizeLabels(image, { width: 6, height: 2 }).labels]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    expect([...resizeLabels(image, { width: 2, height: 1 }).labels]).toEqual([1, 2]);
    expect(resizeLabels(image, image)).toEqual(image);
  });
});

describe('a folder of scenes', () => {
  async function scene(name: string, labels: readonly number[] = [0, 1, 2, 255], size: [number, number] = [2, 2]) {
    await put(`images/${name}.jpg`, colour(...size).jpeg());
    await put(`labels/${name}.png`, grey(labels, 2).png());
  }

  it('has pairs by name', async () => {
    await scene('b');
    await scene('a.1');
    await put('images/.hidden', '');
    expect(await listScenes(folder)).toEqual(
      ['a.1', 'b'].map((name) => ({
        name,
        image: join(folder, `images/${name}.jpg`),
        labels: join(folder, `labels/${name}.png`),
      })),
    );
  });

  it('is refused without one of its halves', async () => {
    await expect(listScenes(folder)).rejects.toThrow(failing('FILE_NOT_FOUND', /images: no such folder/));
    await mkdir(join(folder, 'images'), { recursive: true });
    await expect(listScenes(folder)).rejects.toThrow(failing('FILE_NOT_FOUND', /images: there are no files/));
    await scene('a');
    await put('images/b.jpg', '');
    await expect(listScenes(folder)).rejects.toThrow(failing('INVALID_DATA', /labels: no label map for b$/));
    await rm(join(folder, 'images/b.jpg'));
    for (const name of ['c', 'd', 'e', 'f', 'g', 'h']) await put(`labels/${name}.png`, '');
    await expect(listScenes(folder)).rejects.toThrow(
      failing('INVALID_DATA', /images: no picture for c, d, e, f, g and 1 more$/),
    );
  });

  it('is refused where two files have one name', async () => {
    await scene('a');
    await put('images/a.png', '');
    await expect(listScenes(folder)).rejects.toThrow(failing('INVALID_DATA', /a\.jpg and a\.png have one name/));
  });

  it('is counted by class, ignored pixels aside', async () => {
    await scene('a', [0, 2, 2, 255]);
    await scene('b', [0, 0, 0, 2]);
    expect([...(await assertScenes(await listScenes(folder), { count: 3, ignore: 255 }))]).toEqual([4, 0, 3]);
  });

  it('is refused where sizes differ', async () => {
    await scene('a', [0, 1, 2, 0], [3, 2]);
    await expect(assertScenes(await listScenes(folder), { count: 3, ignore: 255 })).rejects.toThrow(
      failing('INVALID_DATA', /a\.png: 2 × 2 labels, and .*a\.jpg has 3 × 2 pixels/),
    );
  });

  it('is refused where a number is no class', async () => {
    await scene('a', [0, 1, 7, 0]);
    await expect(assertScenes(await listScenes(folder), { count: 3, ignore: 255 })).rejects.toThrow(
      failing('INVALID_DATA', /a\.png: the pixel in column 0, row 1 is 7; classes are 0 to 2, and 255 is ignored/),
    );
  });
});

describe('names of classes', () => {
  it('are those of the first file that is there', async () => {
    const path = await put('labels.json', '["sky","road"]');
    expect(await readClassNames([join(folder, 'none.json'), path])).toEqual(['sky', 'road']);
  });

  it.each([
    ['text', 'sky'],
    ['an object', '{"0":"sky"}'],
    ['an empty list', '[]'],
    ['an empty name', '[""]'],
    ['a name given twice', '["sky","road","sky"]'],
  ])('are refused as %s', async (_, content) => {
    await expect(readClassNames([await put('labels.json', content)])).rejects.toThrow(
      failing('INVALID_DATA', /no JSON list of 1 to 256 different names/),
    );
  });

  it('are asked for', async () => {
    await expect(readClassNames([join(folder, 'a.json'), join(folder, 'b.json')])).rejects.toThrow(
      failing('FILE_NOT_FOUND', /a\.json and .*b\.json are missing/),
    );
  });
});
