import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { replaceFile, replaceFileWith } from '../../src/core/atomic-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('replaces a file whole, and makes its folder', async () => {
  const path = join(folder, 'deep', 'er', 'file.json');
  await replaceFileWith(path, 'old');
  await replaceFileWith(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(join(folder, 'deep', 'er'))).toEqual(['file.json']);
});

it('keeps the old file and removes the temporary one when writing fails half-way', async () => {
  const path = join(folder, 'kept');
  await replaceFileWith(path, 'old');
  const failing = replaceFile(path, async (file) => {
    await file.writeFile('half of');
    throw new Error('disk full');
  });
  await expect(failing).rejects.toThrow('disk full');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect((await readdir(folder)).filter((name) => name.includes('.tmp'))).toEqual([]);
});
