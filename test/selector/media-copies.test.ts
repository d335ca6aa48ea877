/** Copies of a file are held out together, whatever they are called; files whose names differ by case are two. */
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { LabelledStatistics } from '../../src/reduce/labelled-statistics.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { TinyImages } from '../support/tiny-images.js';

let images: TinyImages;
let folder: string;
beforeAll(async () => {
  images = await TinyImages.create();
  folder = await mkdtemp(join(tmpdir(), 'fungi-copies-'));
});
afterAll(async () => {
  await images.remove();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Name, number of the picture that lies there, and label. */
const FILES: readonly (readonly [string, number, string])[] = [
  ['A.png', 0, 'x'],
  ['a.png', 1, 'y'],
  ['b.png', 2, 'x'],
  ['again/b.png', 2, 'x'],
  ['c.png', 3, 'y'],
  ['again/other.png', 1, 'y'],
];

it.each(['auto', 'lda', 'blend'] as const)('where an index of images is reduced by %s', async (kind) => {
  await mkdir(join(folder, 'again'), { recursive: true });
  for (const [name, number] of FILES) await copyFile(await images.picture(number), join(folder, name));
  const add = vi.spyOn(LabelledStatistics.prototype, 'add');
  const selector = await FungiSelector.build({
    ...{ name: 'spots', indexes: join(folder, 'indexes'), encoder: images.model },
    examples: FILES.map(([name, , label]) => ({ input: join(folder, name), label })),
    ...{ reducer: { kind }, features: { losses: [] }, dims: 4 },
  });
  await selector.close();
  const groups = add.mock.calls.flatMap(([, , given]) => given ?? []);
  expect(groups).toEqual([0, 1, 2, 2, 3, 1]);
});
